using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace GlmCluster.Checkpoints.Weights.Torch;

/// <summary>
/// Runs the part of the pickle language that dictionaries of tensors need, over plain values: nothing is imported, constructed or called.
/// Every other instruction and every name that is not on the list is an error.
/// </summary>
/// <remarks>
/// Language: Lib/pickletools.py of CPython, protocols 2 to 5. Work and memory are bounded by the length of the program: an instruction puts
/// at most one value on the stack, and values are shared, never copied. There is no recursion.
/// </remarks>
internal ref struct PickleMachine
{
    private const int MostDimensions = 16;

    /// <summary>A tensor takes about 25, so this is enough for every file and keeps a hostile one from filling the memory.</summary>
    private const int MostValues = 1 << 21;

    private readonly ReadOnlySpan<byte> _program;
    private readonly string _file;
    private readonly List<object?> _stack = [];
    private readonly List<int> _marks = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;
    private int _values;

    private PickleMachine(ReadOnlySpan<byte> program, string file)
    {
        _program = program;
        _file = file;
    }

    /// <returns>What the program leaves: for a state dictionary a <see cref="PickleDictionary"/>.</returns>
    /// <exception cref="CheckpointException">The program is broken or does more than describe tensors; says where.</exception>
    public static object? Run(ReadOnlySpan<byte> program, string file) => new PickleMachine(program, file).Run();

    private object? Run()
    {
        while (true)
        {
            byte code = Take(1)[0];
            if (code == (byte)'.')
            {
                return Pop();
            }

            if (!RunStructure(code) && !RunConstant(code) && !RunMemo(code))
            {
                string shown = code is > 0x20 and < 0x7F ? $"'{(char)code}'" : $"0x{code:X2}";
                throw Refuse($"uses instruction {shown}");
            }
        }
    }

    /// <summary>Instructions that build containers and tensors.</summary>
    private bool RunStructure(byte code)
    {
        switch (code)
        {
            case (byte)'(':
                _marks.Add(_stack.Count);
                return true;
            case (byte)'}':
                return Push(new PickleDictionary(new Dictionary<string, object?>(StringComparer.Ordinal)));
            case (byte)']' or (byte)')':
                return Push(new PickleSequence([]));
            case (byte)'t':
                return Push(new PickleSequence(PopToMark()));
            case 0x85 or 0x86 or 0x87:
                return Push(new PickleSequence(PopMany(code - 0x84)));
            case (byte)'a':
                AddTo(PopMany(1));
                return true;
            case (byte)'e':
                AddTo(PopToMark());
                return true;
            case (byte)'s':
                SetIn(PopMany(2));
                return true;
            case (byte)'u':
                SetIn(PopToMark());
                return true;
            case (byte)'Q':
                return Push(Storage(Pop()));
            case (byte)'R':
                return Push(Reduce(PopMany(2)));
            case (byte)'b':
                // The state of a dictionary class is bookkeeping, not tensors.
                Pop();
                return Peek() is PickleDictionary ? true : throw Refuse("sets the state of something that is no dictionary");
            default:
                return false;
        }
    }

    private bool RunConstant(byte code)
    {
        switch (code)
        {
            case 0x80: // protocol
                Take(1);
                return true;
            case 0x95: // frame
                Take(sizeof(ulong));
                return true;
            case (byte)'N':
                return Push(null);
            case 0x88 or 0x89:
                return Push(code == 0x88);
            case (byte)'K':
                return Push((long)Take(1)[0]);
            case (byte)'M':
                return Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort))));
            case (byte)'J':
                return Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(sizeof(int))));
            case (byte)'G':
                return Push(BinaryPrimitives.ReadDoubleBigEndian(Take(sizeof(double))));
            case 0x8a:
                return Push(Long(Take(Take(1)[0])));
            case (byte)'X':
                return Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
            case 0x8c:
                return Push(Text(Take(1)[0]));
            case (byte)'c':
                return Push(Global(Line(), Line()));
            case 0x93:
                return PopMany(2) is [string module, string name]
                    ? Push(Global(module, name))
                    : throw Refuse("names something by values that are no text");
            default:
                return false;
        }
    }

    private bool RunMemo(byte code)
    {
        switch (code)
        {
            case (byte)'q':
                _memo[Take(1)[0]] = Peek();
                return true;
            case (byte)'r':
                _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))] = Peek();
                return true;
            case 0x94:
                _memo[(uint)_memo.Count] = Peek();
                return true;
            case (byte)'h':
                return Push(Recall(Take(1)[0]));
            case (byte)'j':
                return Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint)))));
            default:
                return false;
        }
    }

    private readonly PickleGlobal Global(string module, string name) => (module, name) switch
    {
        ("collections", "OrderedDict") => new(PickleName.OrderedDictionary, name, null),
        ("torch._utils", "_rebuild_tensor_v2") => new(PickleName.RebuildTensor, name, null),
        ("torch._utils", "_rebuild_parameter") => new(PickleName.RebuildParameter, name, null),
        ("torch", _) when name.EndsWith("Storage", StringComparison.Ordinal) => new(PickleName.Storage, name, ElementOf(name)),
        _ => throw Refuse($"names {Shown(module)}.{Shown(name)}"),
    };

    private static TensorType? ElementOf(string storage) => storage switch
    {
        "FloatStorage" => TensorType.F32,
        "HalfStorage" => TensorType.F16,
        "BFloat16Storage" => TensorType.BF16,
        "CharStorage" => TensorType.I8,
        "ByteStorage" => TensorType.U8,
        "IntStorage" => TensorType.I32,
        "LongStorage" => TensorType.I64,
        _ => null,
    };

    /// <summary>("storage", class, key, device, elements).</summary>
    private readonly PickleStorage Storage(object? id) =>
        id is PickleSequence { Items: ["storage", PickleGlobal { Name: PickleName.Storage } type, string key, string, long and >= 0] items }
            ? new PickleStorage(type, key, (long)items[4]!)
            : throw Refuse("refers to something outside that is no storage");

    private readonly object? Reduce(List<object?> call) => call switch
    {
        [PickleGlobal { Name: PickleName.OrderedDictionary }, PickleSequence { Items: [] }] =>
            new PickleDictionary(new Dictionary<string, object?>(StringComparer.Ordinal)),
        [PickleGlobal { Name: PickleName.RebuildTensor }, PickleSequence tensor] => Tensor(tensor.Items),
        [PickleGlobal { Name: PickleName.RebuildParameter }, PickleSequence { Items: [PickleTensor tensor, ..] }] => tensor,
        [PickleGlobal global, _] => throw Refuse($"calls {global.Text} in a way that makes no tensor"),
        _ => throw Refuse("calls something that is no name"),
    };

    /// <summary>(storage, first element, shape, strides, …).</summary>
    private readonly PickleTensor Tensor(List<object?> items) =>
        items is [PickleStorage storage, long first and >= 0, PickleSequence shape, PickleSequence strides, ..]
            ? new PickleTensor(storage, first, Sizes(shape), Sizes(strides))
            : throw Refuse("calls _rebuild_tensor_v2 in a way that makes no tensor");

    private readonly long[] Sizes(PickleSequence sizes) =>
        sizes.Items.Count <= MostDimensions && sizes.Items.TrueForAll(size => size is long and >= 0)
        ? [.. sizes.Items.Select(size => (long)size!)]
        : throw Refuse($"describes a tensor whose sizes are not up to {MostDimensions} integers from 0");

    private readonly void AddTo(List<object?> items)
    {
        if (Peek() is not PickleSequence list)
        {
            throw Refuse("appends to something that is no list");
        }

        list.Items.AddRange(items);
    }

    private readonly void SetIn(List<object?> items)
    {
        if (Peek() is not PickleDictionary dictionary || items.Count % 2 != 0)
        {
            throw Refuse("sets items of something that is no dictionary");
        }

        for (int i = 0; i < items.Count; i += 2)
        {
            if (items[i] is string key)
            {
                dictionary.Entries[key] = items[i + 1];
            }
        }
    }

    private bool Push(object? value)
    {
        if (++_values > MostValues)
        {
            throw Refuse($"makes more than {MostValues:N0} values");
        }

        _stack.Add(value);
        return true;
    }

    /// <summary>Values above the last mark; those below it are out of reach.</summary>
    private readonly int Depth => _stack.Count - (_marks.Count > 0 ? _marks[^1] : 0);

    private readonly object? Peek() => Depth > 0 ? _stack[^1] : throw Refuse("takes from an empty stack");

    private readonly object? Pop() => PopMany(1)[0];

    private readonly List<object?> PopMany(int count)
    {
        if (Depth < count)
        {
            throw Refuse("takes from an empty stack");
        }

        List<object?> items = _stack.GetRange(_stack.Count - count, count);
        _stack.RemoveRange(_stack.Count - count, count);
        return items;
    }

    private readonly List<object?> PopToMark()
    {
        if (_marks.Count == 0)
        {
            throw Refuse("takes up to a mark that is not there");
        }

        List<object?> items = PopMany(Depth);
        _marks.RemoveAt(_marks.Count - 1);
        return items;
    }

    private readonly object? Recall(uint index) =>
        _memo.TryGetValue(index, out object? value) ? value : throw Refuse($"recalls value {index}, which it did not keep");

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _program.Length - _position)
        {
            throw Refuse("ends in the middle of an instruction");
        }

        _position += count;
        return _program.Slice(_position - count, count);
    }

    private string Text(uint byteLength) => byteLength <= int.MaxValue
        ? Encoding.UTF8.GetString(Take((int)byteLength))
        : throw Refuse("ends in the middle of a text");

    private string Line()
    {
        int length = _program[_position..].IndexOf((byte)'\n');
        string line = length >= 0 ? Encoding.UTF8.GetString(Take(length)) : throw Refuse("ends in the middle of a name");
        Take(1);
        return line;
    }

    private readonly long Long(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length > sizeof(long))
        {
            throw Refuse("has an integer of more than 64 bits");
        }

        long value = bytes.Length > 0 && (bytes[^1] & 0x80) != 0 ? -1 : 0;
        for (int i = bytes.Length - 1; i >= 0; i--)
        {
            value = (value << 8) | bytes[i];
        }

        return value;
    }

    private static string Shown(string text)
    {
        const int Longest = 60;
        string printable = string.Concat(text.Select(c => char.IsControl(c) ? '?' : c));
        return printable.Length <= Longest ? printable : $"{printable.AsSpan(0, Longest)}…";
    }

    private readonly CheckpointException Refuse(string what) => new(string.Create(
        CultureInfo.InvariantCulture,
        $"{_file}: its pickle {what} at byte {_position}; only dictionaries of tensors are read, and nothing is ever run. "
        + $"Use the model's safetensors release, or fetch the file again."));
}
