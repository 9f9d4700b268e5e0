namespace GlmCluster.Engine.Onnx;

/// <summary>Inputs and outputs of a running node; valid during the call.</summary>
internal readonly unsafe ref struct KernelContext(OrtApi api, nint context)
{
    /// <summary>Reads an input that is not optional.</summary>
    public KernelTensor Input(int index)
    {
        nint value;
        api.Check(((delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint>)api[OrtSlot.KernelContextGetInput])(context, (nuint)index, &value));
        int element;
        long* dimensions;
        nuint rank;
        api.Check(((delegate* unmanaged[Cdecl]<nint, int*, long**, nuint*, nint>)api[OrtSlot.GetTensorElementTypeAndShapeDataReference])(
            value, &element, &dimensions, &rank));
        return new KernelTensor(Data(value), new ReadOnlySpan<long>(dimensions, (int)rank));
    }

    /// <summary>Data of an optional input; null: the node has none.</summary>
    public void* OptionalData(int index)
    {
        nuint count;
        api.Check(((delegate* unmanaged[Cdecl]<nint, nuint*, nint>)api[OrtSlot.KernelContextGetInputCount])(context, &count));
        nint value = 0;
        if ((nuint)index < count)
        {
            api.Check(((delegate* unmanaged[Cdecl]<nint, nuint, nint*, nint>)api[OrtSlot.KernelContextGetInput])(context, (nuint)index, &value));
        }

        return value == 0 ? null : Data(value);
    }

    /// <summary>Makes an output.</summary>
    /// <returns>Its memory, not cleared.</returns>
    public void* Output(int index, ReadOnlySpan<long> shape)
    {
        nint value;
        fixed (long* dimensions = shape)
        {
            api.Check(((delegate* unmanaged[Cdecl]<nint, nuint, long*, nuint, nint*, nint>)api[OrtSlot.KernelContextGetOutput])(
                context, (nuint)index, dimensions, (nuint)shape.Length, &value));
        }

        return Data(value);
    }

    /// <summary>Calls a function for 0 to <paramref name="count"/> - 1 on the session's pool, the caller's thread included.</summary>
    public void ParallelFor(delegate* unmanaged[Cdecl]<nint, nuint, void> function, int count, nint argument) =>
        api.Check(((delegate* unmanaged[Cdecl]<nint, delegate* unmanaged[Cdecl]<nint, nuint, void>, nuint, nuint, nint, nint>)
            api[OrtSlot.KernelContextParallelFor])(context, function, (nuint)count, 0, argument));

    private void* Data(nint value)
    {
        void* data;
        api.Check(((delegate* unmanaged[Cdecl]<nint, void**, nint>)api[OrtSlot.GetTensorMutableData])(value, &data));
        return data;
    }
}

/// <summary>An input of a running node.</summary>
internal readonly unsafe ref struct KernelTensor(void* data, ReadOnlySpan<long> shape)
{
    public void* Data => data;

    public ReadOnlySpan<long> Shape { get; } = shape;
}

/// <summary>Attributes of a node whose kernel is being made.</summary>
internal readonly unsafe ref struct KernelAttributes(OrtApi api, nint info)
{
    /// <exception cref="OnnxRuntimeException">The node has no such attribute.</exception>
    public int Integer(string name)
    {
        long value;
        fixed (byte* text = OrtApi.Utf8(name))
        {
            api.Check(((delegate* unmanaged[Cdecl]<nint, byte*, long*, nint>)api[OrtSlot.KernelInfoGetAttributeInt64])(info, text, &value));
        }

        return checked((int)value);
    }

    /// <exception cref="OnnxRuntimeException">The node has no such attribute.</exception>
    public float Float(string name)
    {
        float value;
        fixed (byte* text = OrtApi.Utf8(name))
        {
            api.Check(((delegate* unmanaged[Cdecl]<nint, byte*, float*, nint>)api[OrtSlot.KernelInfoGetAttributeFloat])(info, text, &value));
        }

        return value;
    }
}
