using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Text;

/// <summary>What a family's own code uses where a folder says nothing.</summary>
/// <param name="Temperature">Of its release.</param>
/// <param name="TopP">Of its release.</param>
/// <param name="AlwaysStops">
/// Whether the stops count beside those that a folder names: ChatGLM's files name one, and its code adds the others.
/// </param>
/// <param name="Stops">Tokens that end an answer.</param>
internal sealed record FamilyDefaults(float Temperature, float TopP, bool AlwaysStops, params string[] Stops)
{
    private static readonly FamilyDefaults ChatGlm = new(0.95f, 0.7f, AlwaysStops: true, "<eop>");
    private static readonly FamilyDefaults ChatGlm2 = new(0.8f, 0.8f, AlwaysStops: true, "</s>");
    private static readonly FamilyDefaults ChatGlm3 = new(0.8f, 0.8f, AlwaysStops: true, "</s>", "<|user|>", "<|observation|>");

    /// <summary>End of text, the user's turn, a tool's turn.</summary>
    private static readonly FamilyDefaults Glm4 = new(0.8f, 0.8f, AlwaysStops: false, "<|endoftext|>", "<|user|>", "<|observation|>");

    public static FamilyDefaults Of(TextFamily family) => family switch
    {
        TextFamily.ChatGlm => ChatGlm,
        TextFamily.ChatGlm2 => ChatGlm2,
        TextFamily.ChatGlm3 or TextFamily.ChatGlm2Or3 => ChatGlm3,
        _ => Glm4,
    };

    /// <summary>Ids of those stops that the tokenizer has.</summary>
    public IEnumerable<int> FindStops(ITokenizer tokenizer)
    {
        foreach (string token in Stops)
        {
            if (tokenizer.TryGetSpecialId(token, out int id))
            {
                yield return id;
            }
        }
    }
}
