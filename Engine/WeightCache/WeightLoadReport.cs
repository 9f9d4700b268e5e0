namespace GlmCluster.Engine.WeightCache;

/// <summary>Where a decoder's weights came from and how long each part of loading them took.</summary>
public sealed record WeightLoadReport
{
    /// <summary>The file that quantised weights were read from; null: they were made from the checkpoint.</summary>
    public string? ReadFrom { get; init; }

    /// <summary>The file that quantised weights were written to; null: none.</summary>
    public string? WrittenTo { get; init; }

    /// <summary>Each file that could not be used or made, with the reason; complete sentences.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Reading the file.</summary>
    public TimeSpan Read { get; init; }

    /// <summary>Checking what was read.</summary>
    public TimeSpan Verify { get; init; }

    /// <summary>Bringing the checkpoint's weights into the format, writing the file included.</summary>
    public TimeSpan Convert { get; init; }

    /// <summary>Handing the weights to their operators, which pack them for the processor.</summary>
    public TimeSpan Prepack { get; init; }
}
