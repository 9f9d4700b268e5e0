using System.Net;

namespace GlmCluster.Cli.Hub;

/// <summary>Brings one file, whole or not at all: what has arrived waits in a <c>.part</c> file, and takes the file's name once its checksum is right.</summary>
/// <param name="hub">The server.</param>
/// <param name="model">Whose file.</param>
/// <param name="commit">Of which version.</param>
/// <param name="retry">For what may pass.</param>
/// <param name="arrived">Told of bytes that are there; negative where some were thrown away.</param>
internal sealed class FilePull(HubClient hub, ModelId model, string commit, HubRetry retry, Action<long> arrived)
{
    private const int BufferBytes = 1 << 20;
    private const int MostTries = 2;

    /// <summary>Brings a file into a folder; one that is there and right stays.</summary>
    /// <exception cref="HubException">It cannot be had, or comes with another checksum.</exception>
    public async Task PullAsync(HubFile file, string folder, CancellationToken cancellationToken)
    {
        string target = file.PathIn(folder);
        if (await IsThereAsync(file, target, cancellationToken))
        {
            arrived(file.ByteLength);
            return;
        }

        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        string part = file.PartPathIn(folder);
        await using (FileStream stream = OpenPart(part))
        {
            await ReceiveAsync(file, stream, cancellationToken);
            stream.Flush(flushToDisk: true);
        }

        File.Move(part, target, overwrite: true);
    }

    private static async Task<bool> IsThereAsync(HubFile file, string target, CancellationToken cancellationToken)
    {
        var info = new FileInfo(target);
        if (!info.Exists || info.Length != file.ByteLength)
        {
            return false;
        }

        using var checksum = new FileChecksum(file);
        await using FileStream stream = File.OpenRead(target);
        await HashAsync(stream, checksum, cancellationToken);
        return checksum.IsRight;
    }

    private static FileStream OpenPart(string part)
    {
        try
        {
            return new FileStream(part, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
        }
        catch (IOException inUse) when (File.Exists(part))
        {
            throw new HubException($"{part} cannot be opened: {inUse.Message} Is another pull of this model running?", inUse);
        }
    }

    private async Task ReceiveAsync(HubFile file, FileStream stream, CancellationToken cancellationToken)
    {
        using var checksum = new FileChecksum(file);
        if (stream.Length > file.ByteLength)
        {
            stream.SetLength(0);
        }

        await HashAsync(stream, checksum, cancellationToken);
        arrived(stream.Position);
        for (int tries = 1; ; tries++)
        {
            await retry.RunAsync(token => ContinueAsync(file, stream, checksum, token), () => stream.Position, cancellationToken);
            if (checksum.IsRight)
            {
                return;
            }

            // What lay here from before may have been broken; what comes afresh must be right.
            StartAgain(stream, checksum);
            if (tries == MostTries)
            {
                throw new HubException($"{file.Path} of {model} does not have the checksum {file.Checksum} that was announced. What came was thrown away.");
            }
        }
    }

    /// <summary>Asks for what is missing and appends it.</summary>
    private async Task<bool> ContinueAsync(HubFile file, FileStream stream, FileChecksum checksum, CancellationToken cancellationToken)
    {
        if (stream.Position == file.ByteLength)
        {
            return true;
        }

        using HttpResponseMessage response = await hub.OpenAsync(model, commit, file, stream.Position, cancellationToken);
        bool continues = response.StatusCode == HttpStatusCode.PartialContent && response.Content.Headers.ContentRange?.From == stream.Position;
        if (!continues && stream.Position > 0)
        {
            StartAgain(stream, checksum); // the server sends all of it, or cannot go on
        }

        if (!continues && response.StatusCode != HttpStatusCode.OK)
        {
            throw new HttpRequestException($"The server answered {(int)response.StatusCode} instead of the bytes of {file.Path} that were asked for.");
        }

        await CopyAsync(file, response, stream, checksum, cancellationToken);
        return true;
    }

    private async Task CopyAsync(HubFile file, HttpResponseMessage response, FileStream stream, FileChecksum checksum, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
        while (await ReadAsync(body, buffer, cancellationToken) is > 0 and int read)
        {
            if (stream.Position + read > file.ByteLength)
            {
                throw new HubException($"{file.Path} of {model} is longer than the {file.ByteLength:N0} bytes that were announced.");
            }

            await stream.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            checksum.Append(buffer.AsSpan(0, read));
            arrived(read);
        }

        if (stream.Position < file.ByteLength)
        {
            throw new HttpRequestException($"The connection ended after {stream.Position:N0} of {file.ByteLength:N0} bytes of {file.Path}.");
        }
    }

    private static async Task<int> ReadAsync(Stream body, byte[] buffer, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(HubClient.Patience);
        try
        {
            return await body.ReadAsync(buffer, patience.Token);
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Nothing came for {HubClient.Patience.TotalSeconds:N0} s.");
        }
    }

    private void StartAgain(FileStream stream, FileChecksum checksum)
    {
        arrived(-stream.Position);
        stream.SetLength(0);
        checksum.Restart();
    }

    private static async Task HashAsync(FileStream stream, FileChecksum checksum, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[BufferBytes];
        while (await stream.ReadAsync(buffer, cancellationToken) is > 0 and int read)
        {
            checksum.Append(buffer.AsSpan(0, read));
        }
    }
}
