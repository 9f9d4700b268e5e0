using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Cli.Hub;

/// <summary>The checksum of a file as its bytes come: SHA-256, or git's blob id.</summary>
[SuppressMessage("Security", "CA5350", Justification = "Git's blob ids are SHA-1; what matters for safety, the weights, has SHA-256.")]
internal sealed class FileChecksum : IDisposable
{
    private readonly HubFile _file;
    private readonly IncrementalHash _hash;

    public FileChecksum(HubFile file)
    {
        _file = file;
        _hash = IncrementalHash.CreateHash(file.IsLarge ? HashAlgorithmName.SHA256 : HashAlgorithmName.SHA1);
        Begin();
    }

    /// <summary>Whether all bytes so far are the file.</summary>
    public bool IsRight => Convert.ToHexStringLower(_hash.GetCurrentHash()) == _file.Checksum;

    public void Append(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>Forgets what came.</summary>
    public void Restart()
    {
        _hash.GetHashAndReset();
        Begin();
    }

    public void Dispose() => _hash.Dispose();

    private void Begin()
    {
        if (!_file.IsLarge)
        {
            // https://git-scm.com/book/en/v2/Git-Internals-Git-Objects#_object_storage
            _hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {_file.ByteLength}\0")));
        }
    }
}
