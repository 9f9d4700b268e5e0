using System.Collections.Immutable;

namespace GlmCluster.Gateway.Answers;

/// <summary>
/// Knows which tokens made the text that is visible: each comes out once all of its text is, so a token that is, or touches, a stop string never does.
/// Like the text it depends on the ids alone.
/// </summary>
/// <remarks>Positions are characters of the detokenized text, the template's own marks included.</remarks>
internal sealed class TokenTrace
{
    private const long Unknown = long.MaxValue;

    private readonly List<(AnswerToken Token, long End)> _waiting = [];

    /// <summary>Takes the next token that prints something.</summary>
    /// <param name="token">The token.</param>
    /// <param name="end">Length of the text with it.</param>
    /// <param name="isComplete">Whether it ends with a whole character; else its text ends where a later token completes that.</param>
    public void Add(AnswerToken token, long end, bool isComplete)
    {
        Settle(end, _waiting.Count > 0 && end > _lastEnd);
        _lastEnd = end;
        _waiting.Add((token, isComplete ? end : Unknown));
    }

    private long _lastEnd;

    /// <summary>Takes out what has become visible.</summary>
    /// <param name="hiddenBefore">Length of what the template hides at the start; a token within it is dropped.</param>
    /// <param name="visibleEnd">Length of the text of which all but that is visible.</param>
    public ImmutableArray<AnswerToken> TakeVisible(long hiddenBefore, long visibleEnd)
    {
        int count = _waiting.FindIndex(waiting => waiting.End > visibleEnd);
        List<(AnswerToken Token, long End)> visible = _waiting.GetRange(0, count < 0 ? _waiting.Count : count);
        _waiting.RemoveRange(0, visible.Count);
        return [.. visible.Where(waiting => waiting.End > hiddenBefore).Select(waiting => waiting.Token)];
    }

    /// <summary>Ends the text: what was incomplete ends here.</summary>
    public void Finish(long end) => Settle(end, true);

    private void Settle(long end, bool grown)
    {
        for (int i = _waiting.Count - 1; grown && i >= 0 && _waiting[i].End == Unknown; i--)
        {
            _waiting[i] = (_waiting[i].Token, end);
        }
    }
}
