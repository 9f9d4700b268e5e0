using System.Runtime.InteropServices;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Kernels;
using GlmCluster.Engine.Kernels.Experts;
using GlmCluster.Engine.Onnx;
using GlmCluster.Engine.Tests.Graph;

namespace GlmCluster.Engine.Tests.Kernels.Experts;

/// <summary>Runs <see cref="ExpertFeedForward"/> without ONNX Runtime, and computes the same plainly in double.</summary>
internal sealed unsafe class ExpertHarness : IDisposable
{
    public const int Hidden = 76;
    public const int Width = 42;

    public static readonly RoutingShape Shape = new(Experts: 6, PerToken: 2, Groups: 1, TopGroups: 1, NormalizesWeights: true, Scale: 1.5f);

    private readonly WeightFormat _format;
    private readonly float[][] _gateUp = [.. Enumerable.Range(0, 6).Select(expert => LinearHarness.Numbers(2 * Width * Hidden, 10 + expert))];
    private readonly float[][] _down = [.. Enumerable.Range(0, 6).Select(expert => LinearHarness.Numbers(Hidden * Width, 20 + expert))];
    private readonly PackedFormat _expertFormat;
    private readonly (PageMemory Values, PageMemory Scales) _packedGateUp;
    private readonly (PageMemory Values, PageMemory Scales) _packedDown;

    public ExpertHarness(WeightFormat format)
    {
        _format = format;
        _expertFormat = new PackedFormat(new WeightLoader(threads: 2, totalBytes: 1, progress: null), format);
        _packedGateUp = Pack(_gateUp, 2 * Width, Hidden);
        _packedDown = Pack(_down, Hidden, Width);
    }

    /// <param name="input">Shape (tokens, hidden).</param>
    /// <param name="logits">Shape (tokens, experts).</param>
    public float[] Run(float[] input, float[] logits, SimdWidth width, int workers = 1)
    {
        using var experts = new ExpertFeedForward(Shape, width, workers);
        float[] output = new float[input.Length];
        float[] correction = new float[Shape.Experts];
        fixed (float* inputData = input, logitData = logits, correctionData = correction, outputData = output)
        {
            experts.Begin(new ExpertStep
            {
                Input = inputData,
                RouterLogits = logitData,
                Correction = correctionData,
                GateUp = Matrix(_packedGateUp, 2 * Width, Hidden),
                Down = Matrix(_packedDown, Hidden, Width),
                Output = outputData,
                Tokens = input.Length / Hidden,
            });
            for (ExpertPhase phase = ExpertPhase.GateUp; phase <= ExpertPhase.Down; phase++)
            {
                // Any order will do: the last first.
                for (int unit = experts.Count(phase) - 1; unit >= 0; unit--)
                {
                    experts.Run(phase, unit, unit % workers);
                }
            }
        }

        return output;
    }

    /// <summary>Σ weight · down(silu(gate x) ⊙ up x) in double, over the numbers that are stored.</summary>
    public double[] Plain(float[] input, float[] logits)
    {
        double[] output = new double[input.Length];
        for (int token = 0; token < input.Length / Hidden; token++)
        {
            int[] chosen = new int[Shape.PerToken];
            float[] weights = new float[Shape.PerToken];
            new ExpertRouter(Shape).Route(logits.AsSpan(token * Shape.Experts, Shape.Experts), new float[Shape.Experts], chosen, weights);
            double[] x = [.. input.AsSpan(token * Hidden, Hidden).ToArray().Select(value => (double)value)];
            for (int i = 0; i < chosen.Length; i++)
            {
                double[] gateUp = Product(Stored(_gateUp[chosen[i]], Hidden), x);
                double[] gated = [.. Enumerable.Range(0, Width).Select(j => gateUp[j] / (1 + Math.Exp(-gateUp[j])) * gateUp[Width + j])];
                double[] result = Product(Stored(_down[chosen[i]], Width), gated);
                for (int j = 0; j < Hidden; j++)
                {
                    output[(token * Hidden) + j] += weights[i] * result[j];
                }
            }
        }

        return output;
    }

    /// <summary>Makes an expert's weights unusable.</summary>
    public void Spoil(int expert) =>
        new Span<byte>((byte*)_packedGateUp.Values.Address, (int)_packedGateUp.Values.ByteLength)
            .Slice(expert * (int)(_packedGateUp.Values.ByteLength / Shape.Experts), (int)(_packedGateUp.Values.ByteLength / Shape.Experts)).Fill(0xFF);

    public void Dispose()
    {
        _packedGateUp.Values.Dispose();
        _packedGateUp.Scales.Dispose();
        _packedDown.Values.Dispose();
        _packedDown.Scales.Dispose();
    }

    private (PageMemory Values, PageMemory Scales) Pack(float[][] experts, int rows, int columns)
    {
        GCHandle[] pins = [.. experts.Select(expert => GCHandle.Alloc(expert, GCHandleType.Pinned))];
        try
        {
            return _expertFormat.Pack([.. pins.Select(pin => new WeightMatrix(
                new TensorView("w", TensorType.F32, [rows, columns], pin.AddrOfPinnedObject(), (long)rows * columns * sizeof(float))))]);
        }
        finally
        {
            Array.ForEach(pins, pin => pin.Free());
        }
    }

    private PackedMatrix Matrix((PageMemory Values, PageMemory Scales) packed, int rows, int columns) => new()
    {
        Element = _expertFormat.Element,
        Values = (byte*)packed.Values.Address,
        Scales = (float*)packed.Scales.Address,
        Rows = rows,
        Columns = columns,
        RowScales = (int)(packed.Scales.ByteLength / sizeof(float) / Shape.Experts / rows),
        ScaleColumns = _expertFormat.ScaleColumns,
    };

    private static double[] Product(double[][] matrix, double[] x) =>
        [.. matrix.Select(row => row.Zip(x, (a, b) => a * b).Sum())];

    /// <summary>Rows of the numbers that the format keeps.</summary>
    private double[][] Stored(float[] matrix, int columns) => [.. matrix.Chunk(columns).Select(row => _format switch
    {
        WeightFormat.F32 => row.Select(value => (double)value).ToArray(),
        WeightFormat.Int8 => Bytes(row),
        _ => [.. row.Chunk(_format.BlockColumns()!.Value).SelectMany(Nibbles).Take(columns)],
    })];

    private static double[] Bytes(float[] row)
    {
        sbyte[] numbers = new sbyte[row.Length];
        float scale = RowQuantization.Quantize([.. row], numbers);
        return [.. numbers.Select(number => (double)number * scale)];
    }

    private static double[] Nibbles(float[] block)
    {
        float[] padded = [.. block, .. new float[(32 - (block.Length % 32)) % 32]];
        byte[] pairs = new byte[padded.Length / 2];
        float scale = BlockQuantization.Quantize(padded, pairs);
        return [.. pairs.SelectMany(pair => new[] { pair & 15, pair >> 4 }).Select(number => (double)(number - 8) * scale)];
    }
}
