using System.Globalization;

namespace GlmCluster.Bench;

/// <summary>The requests both sides of a comparison run: the demo model counts as far as it is told, so answers have some length.</summary>
public static class BenchPrompts
{
    /// <summary>A user message; different numbers give different prompts.</summary>
    public static string Message(int number)
    {
        int first = 1 + (number % 40);
        return string.Create(CultureInfo.InvariantCulture, $"Count from {first} to {first + 29}.");
    }

    public static List<string> Messages(int count) => [.. Enumerable.Range(0, count).Select(Message)];

    /// <summary>Ids without meaning, for a prompt of a given length.</summary>
    /// <param name="tokens">Length.</param>
    /// <param name="vocabularySize">Ids are below this.</param>
    /// <param name="seed">Different seeds share no prefix.</param>
    public static int[] RandomIds(int tokens, int vocabularySize, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, tokens).Select(_ => random.Next(vocabularySize))];
    }
}
