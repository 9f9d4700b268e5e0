using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Reads replies whose first characters the prompt has written already: a forced call's opening.</summary>
internal static class PrimedReplyParser
{
    /// <summary>Gives the parser the opening as if the model had written it. It is part of a call, so none of it is shown.</summary>
    public static IReplyParser Create(IReplyParser parser, string opening)
    {
        parser.Push(opening, new StringBuilder(), new StringBuilder());
        return parser;
    }
}
