namespace GlmCluster.Checkpoints.Weights.Torch;

/// <summary>A tuple or a list.</summary>
internal sealed record PickleSequence(List<object?> Items);

/// <summary>A dictionary; only its entries with text keys are kept.</summary>
internal sealed record PickleDictionary(Dictionary<string, object?> Entries);

/// <summary>A name that a pickle may use; nothing is looked up or called by it.</summary>
internal enum PickleName
{
    OrderedDictionary,
    RebuildTensor,
    RebuildParameter,
    Storage,
}

/// <summary>A name, and for a storage class the type of its elements: null where this program does not use it.</summary>
internal sealed record PickleGlobal(PickleName Name, string Text, TensorType? Element);

/// <summary>Elements that lie in an entry of the archive.</summary>
/// <param name="Type">The storage's class.</param>
/// <param name="Key">Name of the entry under <c>data/</c>.</param>
/// <param name="Elements">As stated.</param>
internal sealed record PickleStorage(PickleGlobal Type, string Key, long Elements);

/// <summary>A view into a storage.</summary>
internal sealed record PickleTensor(PickleStorage Storage, long FirstElement, long[] Shape, long[] Strides);
