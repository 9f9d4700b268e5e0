using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace GlmCluster.Checkpoints.Files;

/// <summary>Reads small JSON files of a model folder, with a limit on their length; every error is a <see cref="CheckpointException"/>.</summary>
internal static class ModelJson
{
    /// <summary>Parses the object in a file and hands it to <paramref name="read"/>; it is valid only until that returns.</summary>
    public static T ReadFile<T>(string path, int maximumBytes, Func<JsonKeys, T> read)
    {
        using SafeFileHandle handle = ModelFile.Open(path, FileOptions.SequentialScan);
        using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        return Read(stream, path, maximumBytes, read);
    }

    /// <summary>Parses the list of objects in a file and hands it to <paramref name="read"/>; it is valid only until that returns.</summary>
    public static T ReadListFile<T>(string path, int maximumBytes, Func<IReadOnlyList<JsonKeys>, T> read)
    {
        using SafeFileHandle handle = ModelFile.Open(path, FileOptions.SequentialScan);
        using var stream = new FileStream(handle, FileAccess.Read, bufferSize: 0);
        return Read(stream, path, maximumBytes, root => root.ValueKind == JsonValueKind.Array && root.EnumerateArray().All(IsObject)
            ? read([.. root.EnumerateArray().Select(element => new JsonKeys(path, element))])
            : throw new CheckpointException($"{path} holds {root.ValueKind}; supported: a list of JSON objects."));
    }

    /// <summary>Parses the object in a stream.</summary>
    /// <param name="file">Name for error messages.</param>
    public static T Read<T>(Stream stream, string file, int maximumBytes, Func<JsonKeys, T> read) =>
        Read(stream, file, maximumBytes, (JsonElement root) => IsObject(root)
            ? read(new JsonKeys(file, root))
            : throw new CheckpointException($"{file} holds {root.ValueKind}; supported: a JSON object."));

    private static bool IsObject(JsonElement element) => element.ValueKind == JsonValueKind.Object;

    private static T Read<T>(Stream stream, string file, int maximumBytes, Func<JsonElement, T> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(ReadBounded(stream, file, maximumBytes));
            return read(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new CheckpointException($"{file} is not valid JSON: {e.Message}", e);
        }
        catch (InvalidOperationException e)
        {
            // JsonElement reports strings that are not valid Unicode this way, and only when they are read.
            throw new CheckpointException($"{file} has text that is not valid Unicode: {e.Message}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ModelFile.Unreadable(file, e);
        }
    }

    private static MemoryStream ReadBounded(Stream stream, string file, int maximumBytes)
    {
        var bytes = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            bytes.Write(buffer, 0, read);
            if (bytes.Length > maximumBytes)
            {
                throw new CheckpointException($"{file} is longer than {maximumBytes:N0} bytes, the limit for this file.");
            }
        }

        bytes.Position = 0;
        return bytes;
    }
}
