namespace GlmCluster.Checkpoints.Tokenization;

/// <summary>Texts found by walking along their characters (UTF-16 units), each with a number. Look-ups allocate nothing.</summary>
internal sealed class PieceTrie(int expectedTexts)
{
    /// <summary>Where every walk begins.</summary>
    public const int Root = 0;

    private readonly PairTable<TrieStep> _steps = new(expectedTexts * 2, TrieStep.None);
    private readonly ulong[] _firsts = new ulong[(char.MaxValue + 1) / 64]; // one bit for each first character
    private int _nodes = 1;

    /// <summary>Adds a text that is not empty; false where it is already there.</summary>
    /// <param name="text">Any units.</param>
    /// <param name="value">Not negative.</param>
    public bool TryAdd(ReadOnlySpan<char> text, int value)
    {
        int node = Root;
        _firsts[text[0] / 64] |= 1UL << (text[0] % 64);
        foreach (char unit in text[..^1])
        {
            TrieStep step = _steps.Find(node, unit);
            if (step.Node == Root)
            {
                step = step with { Node = _nodes++ };
                _steps.Set(node, unit, step);
            }

            node = step.Node;
        }

        TrieStep last = _steps.Find(node, text[^1]);
        if (last.Value >= 0)
        {
            return false;
        }

        _steps.Set(node, text[^1], last with { Value = value });
        return true;
    }

    /// <summary>Whether any text begins with this unit.</summary>
    public bool MayStart(char unit) => (_firsts[unit / 64] & (1UL << (unit % 64))) != 0;

    /// <summary>Goes one unit on from a node.</summary>
    public TrieStep Step(int node, char unit) => _steps.Find(node, unit);

    /// <summary>The node that a text leads to; <see cref="Root"/> where no longer text begins with it.</summary>
    public int Walk(ReadOnlySpan<char> text)
    {
        int node = Root;
        foreach (char unit in text)
        {
            node = _steps.Find(node, unit).Node;
            if (node == Root)
            {
                break;
            }
        }

        return node;
    }

    /// <summary>Finds the longest text that <paramref name="text"/> begins with.</summary>
    /// <param name="text">What is read.</param>
    /// <param name="length">Length of the text found.</param>
    /// <param name="value">Its number; -1 for none.</param>
    /// <param name="node">Where to begin.</param>
    public bool TryFindLongest(ReadOnlySpan<char> text, out int length, out int value, int node = Root)
    {
        (length, value) = (0, -1);
        for (int i = 0; i < text.Length; i++)
        {
            TrieStep step = _steps.Find(node, text[i]);
            if (step.Value >= 0)
            {
                (length, value) = (i + 1, step.Value);
            }

            node = step.Node;
            if (node == Root)
            {
                break;
            }
        }

        return value >= 0;
    }
}

/// <summary>One unit of a walk.</summary>
/// <param name="Node">Where longer texts go on; <see cref="PieceTrie.Root"/> where there are none.</param>
/// <param name="Value">The text that ends here; -1 for none.</param>
internal readonly record struct TrieStep(int Node, int Value)
{
    public static readonly TrieStep None = new(PieceTrie.Root, -1);
}
