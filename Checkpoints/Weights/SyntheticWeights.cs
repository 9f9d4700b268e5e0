using System.Numerics;
using System.Runtime.InteropServices;
using GlmCluster.Checkpoints.Configuration;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>
/// Random bf16 weights of a given shape, for measuring: the same seed gives the same bits on every machine. Every tensor has memory of its own,
/// so that memory traffic is that of a real model; it is filled when the tensor is first asked for.
/// </summary>
/// <remarks>Matrices and biases are uniform with a standard deviation of 1/√columns; norms are 1.</remarks>
public sealed unsafe class SyntheticWeights : IWeightSource
{
    private const int AlignmentBytes = 64;
    private const ushort One = 0x3F80;

    /// <summary>Elements that one thread fills at a time; a multiple of every vector's length.</summary>
    private const int ChunkElements = 1 << 18;

    private readonly uint _seed;
    private readonly Dictionary<string, (TensorSlot Slot, int Index)> _slots;
    private readonly Lock _lock = new(); // guards _tensors and _disposed
    private readonly Dictionary<string, TensorView> _tensors = new(StringComparer.Ordinal);
    private bool _disposed;

    public SyntheticWeights(DecoderConfiguration configuration, int seed)
        : this(DecoderLayout.For(configuration).Slots, seed)
    {
    }

    /// <param name="slots">What there is.</param>
    /// <param name="seed">Of the numbers.</param>
    public SyntheticWeights(IEnumerable<TensorSlot> slots, int seed)
    {
        _seed = (uint)seed;
        _slots = slots
            .Select((slot, index) => (slot, index))
            .ToDictionary(pair => pair.slot.Name, StringComparer.Ordinal);
    }

    /// <inheritdoc/>
    public IReadOnlyCollection<string> Names => _slots.Keys;

    /// <inheritdoc/>
    public TensorView? Find(string name)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (!_tensors.TryGetValue(name, out TensorView? tensor) && _slots.TryGetValue(name, out (TensorSlot Slot, int Index) found))
            {
                tensor = Create(found.Slot, found.Index);
                _tensors.Add(name, tensor);
            }

            return tensor;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            foreach (TensorView tensor in _tensors.Values)
            {
                NativeMemory.AlignedFree((void*)tensor.Address);
            }

            _tensors.Clear();
        }
    }

    private TensorView Create(TensorSlot slot, int index)
    {
        long elements = slot.Shape.Aggregate((product, dimension) => product * dimension);

        // Rounded up, so that filling needs whole vectors only.
        long capacity = (elements + AlignmentBytes - 1) / AlignmentBytes * AlignmentBytes;
        var address = (nint)NativeMemory.AlignedAlloc((nuint)(capacity * sizeof(ushort)), AlignmentBytes);
        var scale = (float)Math.Sqrt(3.0 / slot.Shape[^1]);
        uint stream = Mix(Mix(_seed) + (uint)index);
        Parallel.For(0, (capacity + ChunkElements - 1) / ChunkElements, chunk =>
        {
            long first = chunk * ChunkElements;
            var values = new Span<ushort>((ushort*)address + first, (int)Math.Min(ChunkElements, capacity - first));
            if (slot.Role == TensorRole.Norm)
            {
                values.Fill(One);
            }
            else
            {
                FillUniform(values, (uint)first, stream, scale);
            }
        });
        return new TensorView(slot.Name, TensorType.BF16, slot.Shape, address, elements * sizeof(ushort));
    }

    /// <summary>Value i is a function of (stream, first + i) alone, so chunks may be filled in any order and with vectors of any length.</summary>
    /// <param name="scale">Values lie between minus and plus this.</param>
    private static void FillUniform(Span<ushort> values, uint first, uint stream, float scale)
    {
        var step = new Vector<float>(scale / 2147483648f);
        for (int i = 0; i < values.Length; i += Vector<ushort>.Count)
        {
            Vector<uint> counter = Vector<uint>.Indices + new Vector<uint>(first + (uint)i);
            Vector<uint> low = RandomBF16(counter, stream, step);
            Vector<uint> high = RandomBF16(counter + new Vector<uint>((uint)Vector<uint>.Count), stream, step);
            Vector.Narrow(low, high).CopyTo(values[i..]);
        }
    }

    private static Vector<uint> RandomBF16(Vector<uint> counter, uint stream, Vector<float> step)
    {
        Vector<int> random = Mix((counter * 0x9E3779B9) ^ new Vector<uint>(stream)).As<uint, int>();
        return (Vector.ConvertToSingle(random) * step).As<float, uint>() >>> 16;
    }

    /// <summary>The finishing step of MurmurHash3 (https://github.com/aappleby/smhasher): every input bit reaches every output bit.</summary>
    private static Vector<uint> Mix(Vector<uint> x)
    {
        x ^= x >>> 16;
        x *= 0x85EBCA6B;
        x ^= x >>> 13;
        x *= 0xC2B2AE35;
        return x ^ (x >>> 16);
    }

    private static uint Mix(uint x) => Mix(new Vector<uint>(x))[0];
}
