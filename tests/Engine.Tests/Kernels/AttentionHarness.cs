using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Kernels;

/// <summary>Runs <see cref="PagedAttention"/> without ONNX Runtime, over a cache of its own.</summary>
internal sealed unsafe class AttentionHarness : IDisposable
{
    public const int Positions = 4096;

    private readonly AttentionShape _shape;
    private readonly PagedAttention _attention;
    private readonly int _workers;
    private readonly PageMemory _cosines;
    private readonly PageMemory _sines;
    private readonly byte[] _keys;
    private readonly byte[] _values;

    public AttentionHarness(AttentionShape shape, SimdWidth width, int blocks, int workers = 1, KvFormat format = KvFormat.F32)
    {
        _shape = shape;
        _workers = workers;
        _attention = new PagedAttention(shape, format, width, workers);
        (_cosines, _sines) = RotaryTable.Create(Positions, shape.RotaryDim, 10_000);

        // What a block held before must not matter: these bytes are not a number in any format, or a scale that is none.
        _keys = new byte[blocks * shape.KvHeads * KvPages.Create(format, width, shape).PageBytes];
        _values = new byte[_keys.Length];
        Array.Fill(_keys, byte.MaxValue);
        Array.Fill(_values, byte.MaxValue);
    }

    /// <summary>Appends tokens to sequences in one step.</summary>
    /// <returns>Per part, shape (tokens, heads · headDim).</returns>
    public float[][] Step(params ReadOnlySpan<SequencePart> parts)
    {
        int tokens = 0;
        int tableWidth = 1;
        int[] cumulative = new int[parts.Length + 1];
        int[] past = new int[parts.Length];
        foreach (SequencePart part in parts)
        {
            tokens += part.Count;
            tableWidth = Math.Max(tableWidth, part.Sequence.Blocks.Length);
        }

        float[] packed = new float[tokens * _shape.PackedWidth];
        int[] table = new int[parts.Length * tableWidth];
        for (int i = 0; i < parts.Length; i++)
        {
            cumulative[i + 1] = cumulative[i] + parts[i].Count;
            past[i] = parts[i].Past;
            parts[i].Sequence.Blocks.CopyTo(table.AsSpan(i * tableWidth));
            parts[i].Sequence.Packed.AsSpan(past[i] * _shape.PackedWidth, parts[i].Count * _shape.PackedWidth)
                .CopyTo(packed.AsSpan(cumulative[i] * _shape.PackedWidth));
        }

        float[] output = Run(packed, cumulative, past, table, tableWidth);
        int width = _shape.Heads * _shape.HeadDim;
        return [.. Enumerable.Range(0, past.Length).Select(i => output[(cumulative[i] * width)..(cumulative[i + 1] * width)])];
    }

    public void Dispose()
    {
        _attention.Dispose();
        _cosines.Dispose();
        _sines.Dispose();
    }

    private float[] Run(float[] packed, int[] cumulative, int[] past, int[] table, int tableWidth)
    {
        float[] output = new float[cumulative[^1] * _shape.Heads * _shape.HeadDim];
        fixed (float* packedData = packed, outputData = output)
        fixed (byte* keys = _keys, values = _values)
        fixed (int* cumulativeData = cumulative, pastData = past, tableData = table)
        {
            _attention.Begin(new AttentionStep
            {
                QueryKeyValue = packedData,
                Output = outputData,
                KeyCache = keys,
                ValueCache = values,
                CumulativeLengths = cumulativeData,
                PastLengths = pastData,
                BlockTable = tableData,
                Cosines = (float*)_cosines.Address,
                Sines = (float*)_sines.Address,
                Tokens = cumulative[^1],
                Sequences = past.Length,
                TableWidth = tableWidth,
            });
            foreach (AttentionPhase phase in Enum.GetValues<AttentionPhase>())
            {
                RunBackwards(phase);
            }
        }

        return output;
    }

    /// <summary>Any order of units must do.</summary>
    private void RunBackwards(AttentionPhase phase)
    {
        for (int unit = _attention.Count(phase) - 1; unit >= 0; unit--)
        {
            _attention.Run(phase, unit, unit % _workers);
        }
    }
}

/// <summary>A made-up sequence: q, k and v of all its tokens, and the blocks that it lives in.</summary>
internal sealed record TestSequence(float[] Packed, int[] Blocks, int Tokens)
{
    public static TestSequence Create(AttentionShape shape, int tokens, int seed, int[] blocks)
    {
        var random = new Random(seed);
        float[] packed = new float[tokens * shape.PackedWidth];
        for (int i = 0; i < packed.Length; i++)
        {
            packed[i] = (random.NextSingle() * 4) - 2;
        }

        return new TestSequence(packed, blocks, tokens);
    }

    /// <summary>Blocks from a first one on.</summary>
    public static TestSequence Create(AttentionShape shape, int tokens, int seed, int firstBlock) =>
        Create(shape, tokens, seed, [.. Enumerable.Range(firstBlock, (tokens + AttentionShape.PageTokens - 1) / AttentionShape.PageTokens)]);

    public SequencePart Part(int past, int count) => new(this, past, count);
}

/// <summary>Some tokens of a sequence.</summary>
internal readonly record struct SequencePart(TestSequence Sequence, int Past, int Count);
