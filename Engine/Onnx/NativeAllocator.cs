using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Onnx;

/// <summary><c>OrtAllocator</c>, with the members that its first versions had, and one of ours behind it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct NativeAllocator
{
    /// <summary>Tells ONNX Runtime not to read the members that version 18 added.</summary>
    private const uint VersionOfTheseMembers = 17;

    private uint _version;
    private delegate* unmanaged[Cdecl]<NativeAllocator*, nuint, void*> _allocate;
    private delegate* unmanaged[Cdecl]<NativeAllocator*, void*, void> _free;
    private delegate* unmanaged[Cdecl]<NativeAllocator*, nint> _info;
    private readonly nint _reserve;
    private readonly nint _getStats;
    private readonly nint _allocateOnStream;
    private readonly nint _shrink;
    private nint _memoryInfo;

    /// <summary>Makes an allocator that lives as long as the process.</summary>
    /// <param name="memoryInfo">The <c>OrtMemoryInfo*</c> that it shows.</param>
    public static NativeAllocator* Create(
        nint memoryInfo,
        delegate* unmanaged[Cdecl]<NativeAllocator*, nuint, void*> allocate,
        delegate* unmanaged[Cdecl]<NativeAllocator*, void*, void> free)
    {
        var allocator = (NativeAllocator*)NativeMemory.AllocZeroed((nuint)sizeof(NativeAllocator));
        allocator->_version = VersionOfTheseMembers;
        allocator->_allocate = allocate;
        allocator->_free = free;
        allocator->_info = &GetInfo;
        allocator->_memoryInfo = memoryInfo;
        return allocator;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static nint GetInfo(NativeAllocator* allocator) => allocator->_memoryInfo;
}
