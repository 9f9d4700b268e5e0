using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Decoding;

/// <summary>An input or output of a decoder: its memory, which stays, and the shape that it is bound with, which changes.</summary>
/// <remarks>One thread. Allocates no managed memory after construction.</remarks>
internal sealed unsafe class BoundTensor<T> : IDisposable
    where T : unmanaged
{
    private readonly OnnxBinding _binding;
    private readonly byte[] _name;
    private readonly TensorElement _element;
    private readonly bool _isOutput;
    private readonly PageMemory _memory;
    private readonly bool _ownsMemory;
    private (long Rows, long Columns, long FirstRow) _bound = (-1, -1, -1);

    /// <param name="capacity">Most elements.</param>
    public BoundTensor(OnnxBinding binding, string name, TensorElement element, long capacity)
        : this(binding, name, element, new PageMemory(capacity * sizeof(T)), isOutput: false) => _ownsMemory = true;

    /// <param name="memory">Of another's; must outlive this.</param>
    public BoundTensor(OnnxBinding binding, string name, TensorElement element, PageMemory memory, bool isOutput)
    {
        _binding = binding;
        _name = OrtApi.Utf8(name);
        _element = element;
        _isOutput = isOutput;
        _memory = memory;
    }

    /// <summary>Copies a vector in.</summary>
    public void Set(ReadOnlySpan<T> values)
    {
        values.CopyTo(new Span<T>((void*)_memory.Address, values.Length));
        Bind([values.Length], (values.Length, 1, 0));
    }

    /// <summary>Copies a matrix in.</summary>
    public void Set(ReadOnlySpan<T> values, int columns)
    {
        values.CopyTo(new Span<T>((void*)_memory.Address, values.Length));
        Bind([values.Length / columns, columns], (values.Length / columns, columns, 0));
    }

    /// <summary>Makes rows of a matrix in the memory the tensor; nothing is copied.</summary>
    /// <param name="firstRow">Rows of the memory before them.</param>
    public void Reserve(int rows, int columns, int firstRow = 0) => Bind([rows, columns], (rows, columns, firstRow));

    public void Dispose()
    {
        if (_ownsMemory)
        {
            _memory.Dispose();
        }
    }

    private void Bind(ReadOnlySpan<long> shape, (long Rows, long Columns, long FirstRow) size)
    {
        if (size == _bound)
        {
            return;
        }

        long byteLength = size.Rows * size.Columns * sizeof(T);
        nint address = _memory.Address + (nint)(size.FirstRow * size.Columns * sizeof(T));
        if (_isOutput)
        {
            _binding.BindOutput(_name, _element, shape, address, byteLength);
        }
        else
        {
            _binding.BindInput(_name, _element, shape, address, byteLength);
        }

        _bound = size;
    }
}
