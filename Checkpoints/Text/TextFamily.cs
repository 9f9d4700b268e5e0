namespace GlmCluster.Checkpoints.Text;

/// <summary>Which tokenizer a folder has, and with it how its texts begin and end.</summary>
internal enum TextFamily
{
    /// <summary>ChatGLM-6B: <c>ice_text.model</c>.</summary>
    ChatGlm,

    /// <summary>ChatGLM2-6B: SentencePiece <c>tokenizer.model</c>.</summary>
    ChatGlm2,

    /// <summary>ChatGLM3-6B: the same file with role tokens.</summary>
    ChatGlm3,

    /// <summary>One of the two, in a folder that does not say which.</summary>
    ChatGlm2Or3,

    /// <summary>GLM-4-9B in its own layout: ranks in <c>tokenizer.model</c>.</summary>
    Glm4Ranks,

    /// <summary>GLM-4 and later: <c>tokenizer.json</c>.</summary>
    Glm4Json,

    /// <summary>Encoders with <c>vocab.txt</c>.</summary>
    Bert,

    /// <summary>Encoders with <c>sentencepiece.bpe.model</c>.</summary>
    XlmRoberta,
}
