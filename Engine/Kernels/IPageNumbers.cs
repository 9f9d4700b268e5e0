namespace GlmCluster.Engine.Kernels;

/// <summary>Numbers of a page as floats, without their token's scale. Exact, so every vector width reads the same.</summary>
internal unsafe interface IPageNumbers<TVector>
    where TVector : unmanaged
{
    /// <summary>Whether numbers are floats already.</summary>
    static abstract bool AreFloats { get; }

    /// <summary>Reads a vector of numbers.</summary>
    static abstract TVector Load(byte* numbers, int index);

    /// <summary>Reads one number.</summary>
    static abstract float Read(byte* numbers, int index);
}
