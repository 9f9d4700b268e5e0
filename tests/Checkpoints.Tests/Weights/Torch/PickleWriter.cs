using System.Buffers.Binary;
using System.Text;

namespace GlmCluster.Checkpoints.Tests.Weights.Torch;

/// <summary>Writes pickles of protocol 2 instruction by instruction, as PyTorch does and as it never would.</summary>
internal sealed class PickleWriter
{
    private readonly List<byte> _bytes = [0x80, 2];

    public byte[] End() => [.. _bytes, (byte)'.'];

    public PickleWriter Raw(params ReadOnlySpan<byte> bytes)
    {
        _bytes.AddRange(bytes);
        return this;
    }

    public PickleWriter Op(char code) => Raw((byte)code);

    public PickleWriter Text(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, utf8.Length);
        return Op('X').Raw(length).Raw(utf8);
    }

    public PickleWriter Integer(long value)
    {
        byte[] bytes = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        return value is >= int.MinValue and <= int.MaxValue ? Op('J').Raw(bytes.AsSpan(0, 4)) : Raw(0x8a, 8).Raw(bytes);
    }

    public PickleWriter Global(string module, string name) => Op('c').Raw(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public PickleWriter Tuple(params ReadOnlySpan<long> values)
    {
        Op('(');
        foreach (long value in values)
        {
            Integer(value);
        }

        return Op('t');
    }

    /// <summary>A tensor of a storage, as <c>torch.save</c> writes it.</summary>
    public PickleWriter Tensor(string storageClass, string key, long storageElements, long first, long[] shape, long[] strides)
    {
        Global("torch._utils", "_rebuild_tensor_v2").Op('(');
        Op('(').Text("storage").Global("torch", storageClass).Text(key).Text("cpu").Integer(storageElements).Op('t').Op('Q');
        Integer(first).Tuple(shape).Tuple(strides).Raw(0x89);
        return Global("collections", "OrderedDict").Op(')').Op('R').Op('t').Op('R');
    }

    /// <summary>The state dictionary around tensors, with the bookkeeping that modules leave in it.</summary>
    public static byte[] StateDictionary(Action<PickleWriter> items)
    {
        PickleWriter writer = new PickleWriter().Global("collections", "OrderedDict").Op(')').Op('R').Raw((byte)'q', 0).Op('(');
        items(writer);
        return writer.Op('u').Op('}').Text("_metadata").Global("collections", "OrderedDict").Op(')').Op('R').Op('s').Op('b').End();
    }
}
