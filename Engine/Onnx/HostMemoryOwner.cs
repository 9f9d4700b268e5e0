using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Onnx;

/// <summary>
/// The description of ordinary memory that tensors are made with, and the <c>OrtAllocator</c> through which ONNX Runtime
/// frees <see cref="PageMemory"/> it was given: a weight goes away as soon as its packed copy is made.
/// </summary>
/// <remarks>Lives as long as the library. Thread-safe.</remarks>
internal sealed unsafe class HostMemoryOwner : OrtHandle
{
    private const int DeviceAllocator = 0; // OrtDeviceAllocator
    private const int DefaultMemory = 0; // OrtMemTypeDefault

    public HostMemoryOwner(OrtApi api)
        : base(api, OrtSlot.ReleaseMemoryInfo)
    {
        nint info;
        api.Check(((delegate* unmanaged[Cdecl]<int, int, nint*, nint>)api[OrtSlot.CreateCpuMemoryInfo])(DeviceAllocator, DefaultMemory, &info));
        SetHandle(info);
        PageReleaser = (nint)NativeAllocator.Create(info, &RefuseToAllocate, &FreePages);
    }

    /// <summary>The <c>OrtAllocator*</c> that frees page memory.</summary>
    public nint PageReleaser { get; }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* RefuseToAllocate(NativeAllocator* allocator, nuint byteLength) => null;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void FreePages(NativeAllocator* allocator, void* data) => PageMemory.Free((nint)data);
}
