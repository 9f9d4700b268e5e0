using System.IO.MemoryMappedFiles;
using GlmCluster.Checkpoints.Files;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Checkpoints.Weights;

/// <summary>A whole file mapped read-only. Its bytes are read from disk when they are first touched.</summary>
/// <remarks>The file must not be truncated while it is mapped: touching the lost pages ends the process, as with every mapping.</remarks>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _address;

    private MappedFile(MemoryMappedFile file, MemoryMappedViewAccessor view, long byteLength)
    {
        _file = file;
        _view = view;
        ByteLength = byteLength;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref _address);
    }

    public long ByteLength { get; }

    /// <summary>First byte; aligned to a page.</summary>
    public byte* Address => _address is null ? throw new ObjectDisposedException(nameof(MappedFile)) : _address;

    /// <summary>Maps a file.</summary>
    /// <exception cref="CheckpointException">The file cannot be read, or is shorter than <paramref name="minimumBytes"/>.</exception>
    public static MappedFile Open(string path, int minimumBytes)
    {
        using SafeFileHandle handle = ModelFile.Open(path, FileOptions.RandomAccess);
        MemoryMappedFile? file = null;
        try
        {
            long byteLength = RandomAccess.GetLength(handle);
            if (byteLength < minimumBytes)
            {
                throw new CheckpointException($"{path} is {byteLength:N0} bytes long: too short to hold tensors. Fetch it again.");
            }

            file = MemoryMappedFile.CreateFromFile(
                handle, mapName: null, capacity: 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
            return new MappedFile(file, file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read), byteLength);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            file?.Dispose();
            throw ModelFile.Unreadable(path, e);
        }
    }

    public void Dispose()
    {
        if (_address is null)
        {
            return;
        }

        _address = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }
}
