using System.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Silo.Synthetic;

/// <summary>What a synthetic model says: one letter or digit after the other, each a pure function of all ids before it. Immutable and thread-safe.</summary>
/// <remarks>A state is a hash over ids in order; it is to this model what keys and values are to a real one.</remarks>
public sealed class SyntheticLanguage
{
    /// <summary>State of a sequence without ids.</summary>
    public const ulong Start = 0;

    private const int Candidates = 8;
    private const float Unlikely = -30;

    private readonly ITokenizer _tokenizer;
    private readonly int[] _letterIds;

    /// <param name="tokenizer">Of any model.</param>
    /// <exception cref="ArgumentException">It has no id that prints one letter.</exception>
    public SyntheticLanguage(ITokenizer tokenizer)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        _tokenizer = tokenizer;
        _letterIds = [.. Enumerable.Range(0, tokenizer.Count).Where(id => tokenizer.GetBytes(id) is [var only] && char.IsAsciiLetterOrDigit((char)only))];
        if (_letterIds.Length == 0)
        {
            throw new ArgumentException("The tokenizer has no id for a single letter.", nameof(tokenizer));
        }
    }

    /// <summary>State after one more id. The mixing is that of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).</summary>
    public static ulong Next(ulong state, int id) => Mix(state + 0x9E3779B97F4A7C15 + (uint)id);

    /// <summary>Logits after a state: a few letters are likely, one most.</summary>
    /// <param name="state">Of all ids so far.</param>
    /// <param name="row">Shape (vocabulary,).</param>
    public void WriteLogits(ulong state, Span<float> row)
    {
        row.Fill(Unlikely);
        for (int rank = Candidates - 1; rank >= 0; rank--)
        {
            row[Letter(state, rank)] = Candidates - rank; // where two ranks have one letter, the better counts
        }
    }

    /// <summary>The greedy answer to a prompt.</summary>
    public int[] Continue(ReadOnlySpan<int> promptIds, int tokens)
    {
        ulong state = Start;
        foreach (int id in promptIds)
        {
            state = Next(state, id);
        }

        int[] answer = new int[tokens];
        for (int i = 0; i < tokens; i++)
        {
            answer[i] = Letter(state, rank: 0);
            state = Next(state, answer[i]);
        }

        return answer;
    }

    /// <summary>The text of <see cref="Continue"/>, one character for each token.</summary>
    public string Say(ReadOnlySpan<int> promptIds, int tokens) =>
        string.Concat(Continue(promptIds, tokens).Select(id => Encoding.ASCII.GetString(_tokenizer.GetBytes(id))));

    private int Letter(ulong state, int rank) => _letterIds[(int)(Mix(state + (ulong)rank) % (ulong)_letterIds.Length)];

    private static ulong Mix(ulong value)
    {
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
        return value ^ (value >> 31);
    }
}
