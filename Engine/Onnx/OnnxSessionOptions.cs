namespace GlmCluster.Engine.Onnx;

/// <summary>How a session is built and run.</summary>
internal sealed unsafe class OnnxSessionOptions : OrtHandle
{
    private const int BasicOptimizations = 1; // ORT_ENABLE_BASIC

    private readonly List<CustomOperatorDomain> _domains = [];

    /// <param name="threads">Threads that share an operator's work, the caller included.</param>
    public OnnxSessionOptions(OrtApi api, int threads)
        : base(api, OrtSlot.ReleaseSessionOptions)
    {
        nint options;
        api.Check(((delegate* unmanaged[Cdecl]<nint*, nint>)api[OrtSlot.CreateSessionOptions])(&options));
        SetHandle(options);
        Set(OrtSlot.SetIntraOpNumThreads, threads);

        // Graphs are built in their fused form already.
        Set(OrtSlot.SetSessionGraphOptimizationLevel, BasicOptimizations);

        // One plan per combination of input shapes would be kept for ever, and a server meets new combinations without end.
        api.Check(((delegate* unmanaged[Cdecl]<nint, nint>)api[OrtSlot.DisableMemPattern])(options));
        Configure("session.intra_op.allow_spinning", threads > 1 ? "1" : "0");

        // Packed weights and activations lie in SessionMemory, not in an arena that grows by powers of two.
        Configure("session.use_env_allocators", "1");
        Configure("session.use_device_allocator_for_initializers", "1");
    }

    /// <summary>Operators of ours that the session may use; they live on with it.</summary>
    public IReadOnlyList<CustomOperatorDomain> Domains => _domains;

    /// <summary>Takes the domain over.</summary>
    public void Add(CustomOperatorDomain domain)
    {
        Api.Check(((delegate* unmanaged[Cdecl]<nint, nint, nint>)Api[OrtSlot.AddCustomOpDomain])(Pointer, domain.Pointer));
        _domains.Add(domain);
    }

    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        if (disposing)
        {
            _domains.ForEach(domain => domain.Dispose());
        }
    }

    private void Set(int slot, int value) => Api.Check(((delegate* unmanaged[Cdecl]<nint, int, nint>)Api[slot])(Pointer, value));

    private void Configure(string key, string value)
    {
        fixed (byte* keyText = OrtApi.Utf8(key), valueText = OrtApi.Utf8(value))
        {
            Api.Check(((delegate* unmanaged[Cdecl]<nint, byte*, byte*, nint>)Api[OrtSlot.AddSessionConfigEntry])(Pointer, keyText, valueText));
        }
    }
}
