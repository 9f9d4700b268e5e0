namespace GlmCluster.Checkpoints.Chat;

/// <summary>How ChatGLM-6B and ChatGLM2 write a chat as text: numbered rounds of a question (问) and an answer (答).</summary>
/// <param name="FirstRound">Number of the first round.</param>
/// <param name="Separator">Between a round's number, question and answer, and between rounds.</param>
/// <param name="BareFirstQuestion">Whether a chat of one question is that question alone.</param>
/// <param name="RestoresPunctuation">Whether replies get back the Chinese punctuation that the tokenizer takes away.</param>
internal sealed record RoundsLayout(int FirstRound, string Separator, bool BareFirstQuestion, bool RestoresPunctuation)
{
    public static readonly RoundsLayout ChatGlm = new(FirstRound: 0, "\n", BareFirstQuestion: true, RestoresPunctuation: true);

    public static readonly RoundsLayout ChatGlm2 = new(FirstRound: 1, "\n\n", BareFirstQuestion: false, RestoresPunctuation: false);
}
