using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Onnx;

/// <summary>
/// The <c>OrtAllocator</c> of all sessions: packed weights and activations. What is large lies in <see cref="PageMemory"/>, so in huge pages
/// where the system has them; some of it is kept when freed, because the next step needs the same again.
/// </summary>
/// <remarks>Process-wide, like the environment that it is registered with. Thread-safe.</remarks>
internal static unsafe class SessionMemory
{
    /// <summary>From here on memory comes in pages.</summary>
    private const nuint LargeBytes = 1 << 20;

    /// <summary>Freed pages that are kept, at most; beyond that the oldest go.</summary>
    private const ulong MostKeptBytes = 256 << 20;

    /// <summary>Before the data lies its size where it is in pages, else 0. The data starts at a cache line.</summary>
    private const nuint HeaderBytes = 64;

    private static readonly Lock KeptLock = new(); // guards Kept and KeptBytes
    private static readonly List<nint> Kept = [];
    private static ulong KeptBytes;

    /// <summary>Makes sessions of the environment use this memory, if their options say so.</summary>
    /// <param name="memoryInfo">An <c>OrtMemoryInfo*</c> of ordinary memory, which outlives the environment.</param>
    public static void Register(OrtApi api, OnnxEnvironment environment, nint memoryInfo)
    {
        NativeAllocator* allocator = NativeAllocator.Create(memoryInfo, &Allocate, &Free);
        api.Check(((delegate* unmanaged[Cdecl]<nint, NativeAllocator*, nint>)api[OrtSlot.RegisterAllocator])(environment.Pointer, allocator));
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Allocate(NativeAllocator* allocator, nuint byteLength)
    {
        try
        {
            nuint whole = checked(byteLength + HeaderBytes);
            return (byte*)(whole >= LargeBytes ? AllocatePages(whole) : AllocateSmall(whole)) + HeaderBytes;
        }
        catch (Exception fault) when (fault is OutOfMemoryException or OverflowException)
        {
            return null; // ONNX Runtime then fails the step or the load with a message of its own
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Free(NativeAllocator* allocator, void* data)
    {
        if (data == null)
        {
            return;
        }

        void* memory = (byte*)data - HeaderBytes;
        nuint byteLength = *(nuint*)memory;
        if (byteLength == 0)
        {
            NativeMemory.AlignedFree(memory);
        }
        else
        {
            Keep((nint)memory, byteLength);
        }
    }

    private static void* AllocateSmall(nuint byteLength)
    {
        void* memory = NativeMemory.AlignedAlloc(byteLength, HeaderBytes);
        *(nuint*)memory = 0;
        return memory;
    }

    /// <summary>Takes a kept piece that is at most a quarter too large, else new pages.</summary>
    private static void* AllocatePages(nuint byteLength)
    {
        lock (KeptLock)
        {
            for (int i = Kept.Count - 1; i >= 0; i--)
            {
                nuint keptLength = *(nuint*)Kept[i];
                if (keptLength >= byteLength && keptLength - byteLength <= byteLength / 4)
                {
                    nint kept = Kept[i];
                    Kept.RemoveAt(i);
                    KeptBytes -= keptLength;
                    return (void*)kept;
                }
            }
        }

        var memory = (void*)new PageMemory((long)byteLength).Disown();
        *(nuint*)memory = byteLength;
        return memory;
    }

    private static void Keep(nint address, nuint byteLength)
    {
        lock (KeptLock)
        {
            Kept.Add(address);
            KeptBytes += byteLength;
            while (KeptBytes > MostKeptBytes)
            {
                KeptBytes -= *(nuint*)Kept[0];
                PageMemory.Free(Kept[0]);
                Kept.RemoveAt(0);
            }
        }
    }
}
