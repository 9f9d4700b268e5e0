using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Engine.Onnx;

/// <summary>Zeroed memory straight from the operating system: it costs nothing until touched, and goes back at once when freed.</summary>
/// <remarks>
/// The allocator of the C library does neither for blocks up to 32 MiB. A page before the data holds the length, so an address is enough
/// to free it. Large memory asks Linux for huge pages, which take fewer faults to fill and fewer table walks to read.
/// </remarks>
internal sealed unsafe partial class PageMemory : SafeHandle
{
    /// <summary>Data starts at a multiple of this.</summary>
    public const int AlignmentBytes = 4096;

    /// <exception cref="InsufficientMemoryException">The system refuses; says how much was asked for.</exception>
    public PageMemory(long byteLength)
        : base(0, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(byteLength);
        nuint whole = checked((nuint)byteLength + AlignmentBytes);
        byte* first = (byte*)(OperatingSystem.IsWindows() ? Windows.Allocate(whole) : Unix.Allocate(whole));
        if (first == null)
        {
            throw new InsufficientMemoryException($"The system refuses {byteLength >> 20:N0} MiB of memory.");
        }

        *(nuint*)first = whole;
        ByteLength = byteLength;
        SetHandle((nint)(first + AlignmentBytes));
    }

    private PageMemory(nint address, long byteLength)
        : base(0, ownsHandle: true)
    {
        ByteLength = byteLength;
        SetHandle(address);
    }

    public override bool IsInvalid => handle == 0;

    public long ByteLength { get; }

    /// <summary>First byte.</summary>
    public nint Address
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return handle;
        }
    }

    /// <summary>
    /// Maps part of a file: its bytes are read when they are first touched, and what is written stays in memory. The file may be closed, renamed
    /// and deleted meanwhile, but not shortened.
    /// </summary>
    /// <param name="offset">A multiple of a page, and not the file's first.</param>
    /// <exception cref="IOException">The file cannot be mapped.</exception>
    public static PageMemory Map(SafeFileHandle file, long offset, long byteLength)
    {
        if (OperatingSystem.IsWindows())
        {
            // Its mappings start at multiples of 64 KiB and keep the file from being replaced.
            return ReadAll(file, offset, byteLength);
        }

        // The page before the data is the file's too, and becomes private when the length is written there.
        nuint whole = checked((nuint)byteLength + AlignmentBytes);
        var first = (byte*)Unix.Map(file, offset - AlignmentBytes, whole);
        if (first == null)
        {
            throw new IOException($"The system refuses to map {byteLength >> 20:N0} MiB of a file.");
        }

        *(nuint*)first = whole;
        return new PageMemory((nint)(first + AlignmentBytes), byteLength);
    }

    /// <summary>Copies one of the equal parts of the memory over another.</summary>
    /// <param name="source">Index of the part.</param>
    /// <param name="target">Index of the other one.</param>
    /// <param name="partBytes">Bytes of a part.</param>
    public void CopyWithin(int source, int target, long partBytes)
    {
        long parts = ByteLength / partBytes;
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)source, (ulong)parts, nameof(source));
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)target, (ulong)parts, nameof(target));
        var memory = (byte*)Address;
        Buffer.MemoryCopy(memory + (source * partBytes), memory + (target * partBytes), partBytes, partBytes);
    }

    /// <summary>Hands the memory to native code, which will call <see cref="Free"/>.</summary>
    public nint Disown()
    {
        nint address = Address;
        SetHandleAsInvalid();
        return address;
    }

    /// <summary>Frees memory by its <see cref="Address"/>.</summary>
    public static void Free(nint address)
    {
        byte* first = (byte*)address - AlignmentBytes;
        nuint whole = *(nuint*)first;
        if (OperatingSystem.IsWindows())
        {
            Windows.Free((nint)first);
        }
        else
        {
            Unix.Free((nint)first, whole);
        }
    }

    private static PageMemory ReadAll(SafeFileHandle file, long offset, long byteLength)
    {
        const int ChunkBytes = 1 << 26;
        var memory = new PageMemory(byteLength);
        for (long done = 0; done < byteLength;)
        {
            int read = RandomAccess.Read(file, new Span<byte>((byte*)memory.Address + done, (int)Math.Min(ChunkBytes, byteLength - done)), offset + done);
            done += read > 0 ? read : throw new IOException("The file ended before its stated length.");
        }

        return memory;
    }

    protected override bool ReleaseHandle()
    {
        Free(handle);
        return true;
    }

    private static partial class Unix
    {
        private const int ReadWrite = 3; // PROT_READ | PROT_WRITE
        private const int Private = 2; // MAP_PRIVATE
        private const int PrivateAnonymousLinux = 0x22; // MAP_PRIVATE | MAP_ANONYMOUS
        private const int PrivateAnonymousMac = 0x1002;
        private const int WantHugePages = 14; // MADV_HUGEPAGE
        private const int HugePageBytes = 2 << 20;

        public static nint Allocate(nuint byteLength)
        {
            nint address = MemoryMap(0, byteLength, ReadWrite, OperatingSystem.IsMacOS() ? PrivateAnonymousMac : PrivateAnonymousLinux, -1, 0);
            if (address != -1 && OperatingSystem.IsLinux() && byteLength >= HugePageBytes)
            {
                // A wish: where the system refuses, pages are small.
                _ = MemoryAdvise(address, byteLength, WantHugePages);
            }

            return address == -1 ? 0 : address;
        }

        public static nint Map(SafeFileHandle file, long offset, nuint byteLength)
        {
            nint address = MemoryMap(0, byteLength, ReadWrite, Private, (int)file.DangerousGetHandle(), (nint)offset);
            GC.KeepAlive(file);
            return address == -1 ? 0 : address;
        }

        public static void Free(nint address, nuint byteLength) => _ = MemoryUnmap(address, byteLength);

        [LibraryImport("libc", EntryPoint = "mmap")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial nint MemoryMap(nint address, nuint byteLength, int protection, int flags, int file, nint offset);

        [LibraryImport("libc", EntryPoint = "madvise")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial int MemoryAdvise(nint address, nuint byteLength, int advice);

        [LibraryImport("libc", EntryPoint = "munmap")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial int MemoryUnmap(nint address, nuint byteLength);
    }

    private static partial class Windows
    {
        private const uint ReserveCommit = 0x3000; // MEM_RESERVE | MEM_COMMIT
        private const uint ReadWrite = 4; // PAGE_READWRITE
        private const uint Release = 0x8000; // MEM_RELEASE

        public static nint Allocate(nuint byteLength) => VirtualAlloc(0, byteLength, ReserveCommit, ReadWrite);

        public static void Free(nint address) => _ = VirtualFree(address, 0, Release);

        [LibraryImport("kernel32")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        private static partial nint VirtualAlloc(nint address, nuint byteLength, uint type, uint protection);

        [LibraryImport("kernel32")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.System32)]
        private static partial int VirtualFree(nint address, nuint byteLength, uint type);
    }
}
