using System.Collections.Immutable;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>Element types of stored tensors that decoders use.</summary>
public enum TensorType
{
    F32,
    F16,
    BF16,
    I8,
    U8,
    I32,
    I64,
}

/// <summary>One tensor in memory that outlives its users: mapped from a file, or made up.</summary>
/// <param name="Name">As in the file.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Row-major; matrices are [out, in].</param>
/// <param name="Address">First byte. Valid until the source is disposed.</param>
/// <param name="ByteLength">Product of the shape times the element size; checked against the file.</param>
public sealed record TensorView(string Name, TensorType Type, ImmutableArray<long> Shape, nint Address, long ByteLength)
{
    /// <summary>Whether the memory is a mapped file's, which can be dropped and read again.</summary>
    public bool IsFileMapped { get; init; }

    /// <summary>Scale of each row of a matrix of whole numbers, [rows]: weight = number · scale; null: the elements are the weights.</summary>
    public TensorView? RowScales { get; init; }

    /// <summary>
    /// Whether two numbers of 4 bits share a byte: the even column in the high half, both as two's complement. <see cref="Shape"/> counts numbers.
    /// </summary>
    public bool IsNibbles { get; init; }
}

/// <summary>Finds tensors by name. Thread-safe once open.</summary>
public interface IWeightSource : IDisposable
{
    /// <summary>All names, in no order.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Finds a tensor; null when there is none of that name.</summary>
    TensorView? Find(string name);
}
