using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Onnx;

/// <summary>Pages of a mapped file that this process has touched.</summary>
internal static partial class FilePages
{
    private const int DontNeed = 4; // MADV_DONTNEED, on Linux and macOS

    /// <summary>Lets go of the whole pages in a range: they count as this process's memory no longer, and are read again when touched.</summary>
    /// <remarks>Only for mapped files: other memory would lose its content. Does nothing on Windows, which trims by itself.</remarks>
    public static void Release(nint address, long byteLength)
    {
        nint first = (address + PageMemory.AlignmentBytes - 1) & -PageMemory.AlignmentBytes;
        nint end = (nint)(address + byteLength) & -PageMemory.AlignmentBytes;
        if (end > first && !OperatingSystem.IsWindows())
        {
            // What the system answers does not matter: at worst the pages stay.
            _ = Advise(first, (nuint)(end - first), DontNeed);
        }
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Advise(nint address, nuint byteLength, int advice);
}
