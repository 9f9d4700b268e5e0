using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Stepping;

namespace GlmCluster.Engine.Verification;

/// <summary>Names the numerics class of a loaded model: what gives the same bits has the same name.</summary>
public static class NumericsProbe
{
    /// <summary>Length of the sequence that is run; a model whose context is shorter has no class.</summary>
    public const int Tokens = PromptTokens + DecodedTokens;

    private const int PromptTokens = 4;
    private const int DecodedTokens = 2;
    private const int HexDigits = 16;

    /// <summary>
    /// Runs a few fixed tokens, as a prompt and then one by one, and hashes the bits of their logits: they depend on the processor's instruction set
    /// and on how weights and cache are kept.
    /// </summary>
    /// <param name="runner">Used by nobody else meanwhile. Only its cache's first block changes, which nothing refers to before an engine starts.</param>
    /// <param name="stepTokens">Most tokens that the runner takes in a step.</param>
    /// <param name="prefix">The model's ids that divide a prompt; null: it has none.</param>
    /// <param name="identity">Which model this is, and in which formats.</param>
    /// <returns><c>fp_</c> and 16 hex digits, the form that OpenAI's clients know as <c>system_fingerprint</c>.</returns>
    public static string Run(IStepRunner runner, int stepTokens, PrefixConfiguration? prefix, string identity)
    {
        ArgumentNullException.ThrowIfNull(runner);
        ArgumentNullException.ThrowIfNull(identity);
        var probe = new SequenceProbe(runner, Math.Min(stepTokens, PromptTokens), Tokens);
        long[] ids = [.. Enumerable.Range(0, Tokens).Select(index => TokenAt(index, runner.VocabularySize))];
        if (prefix is not null)
        {
            probe.Begin(Divide(ids, prefix));
        }

        float[] logits = new float[PromptTokens * runner.VocabularySize];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(identity));
        for (int tokens = 0; tokens < Tokens;)
        {
            int count = tokens == 0 ? PromptTokens : 1;
            probe.Append(ids.AsSpan(tokens, count), logits);
            hash.AppendData(MemoryMarshal.AsBytes(logits.AsSpan(0, count * runner.VocabularySize)));
            tokens += count;
        }

        return "fp_" + Convert.ToHexStringLower(hash.GetHashAndReset())[..HexDigits];
    }

    /// <summary>Ends the prompt as such a model's prompts end.</summary>
    private static PromptPrefix Divide(long[] ids, PrefixConfiguration prefix)
    {
        (ids[PromptTokens - 2], ids[PromptTokens - 1]) = (prefix.GMaskId, prefix.StartId);
        return new PromptPrefix(PromptTokens - 1, PromptTokens - 2);
    }

    /// <summary>Any ids will do, if they are always the same.</summary>
    private static long TokenAt(int index, int vocabularySize) => 7919L * (index + 1) % vocabularySize;
}
