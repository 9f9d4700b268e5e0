using System.Buffers;
using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Checkpoints.Text;

/// <summary>
/// The files of a model folder that turn text into ids and back, as one blob: what a gateway needs of a model that it does not run.
/// </summary>
/// <remarks>
/// The blob is <c>GLMTEXT1</c>, then per file, in ordinal order of names: length and bytes of the name, length and bytes of the content;
/// lengths are 32-bit little-endian. Equal files give equal blobs.
/// </remarks>
public sealed class TextAssets
{
    internal const string TokenizerJson = "tokenizer.json";
    internal const string TokenizerModel = "tokenizer.model";
    internal const string TokenizerConfig = "tokenizer_config.json";
    internal const string TokenizationCode = "tokenization_chatglm.py";
    internal const string IceTextModel = "ice_text.model";
    internal const string XlmRobertaModel = "sentencepiece.bpe.model";
    internal const string WordPieces = "vocab.txt";
    internal const string ChatTemplate = "chat_template.jinja";
    internal const string Config = "config.json";
    internal const string GenerationConfig = "generation_config.json";

    /// <summary>Ten times the largest published tokenizer.</summary>
    private const int MaximumFileBytes = 256 << 20;

    private static readonly string[] Names =
    [
        ChatTemplate, Config, GenerationConfig, IceTextModel, XlmRobertaModel, TokenizationCode, TokenizerJson, TokenizerModel, TokenizerConfig, WordPieces,
    ];

    /// <summary>Files with a vocabulary; of several the first counts.</summary>
    private static readonly string[] Vocabularies = [IceTextModel, XlmRobertaModel, WordPieces, TokenizerJson, TokenizerModel];

    private readonly ReadOnlyMemory<byte> _blob;
    private readonly Dictionary<string, ReadOnlyMemory<byte>> _files;

    private TextAssets(ReadOnlyMemory<byte> blob, Dictionary<string, ReadOnlyMemory<byte>> files)
    {
        _blob = blob;
        _files = files;
    }

    private static ReadOnlySpan<byte> Magic => "GLMTEXT1"u8;

    /// <summary>SHA-256 of <see cref="ToBytes"/>, 64 lower-case hex digits.</summary>
    [field: MaybeNull]
    public string Hash => field ??= Convert.ToHexStringLower(SHA256.HashData(_blob.Span));

    /// <summary>Reads a model folder's files. Of several tokenizers the family's own counts, then <c>tokenizer.json</c>.</summary>
    /// <exception cref="CheckpointException">A file is missing, too large or unreadable.</exception>
    public static TextAssets FromFolder(string folder)
    {
        TextAssets assets = FromTokenizerFolder(folder);
        return assets.TryGetFile(Config, out _) ? assets : throw new CheckpointException($"{folder} has no config.json.");
    }

    /// <summary>The same of a folder that need not have more than tokenizer files.</summary>
    /// <exception cref="CheckpointException">There is no tokenizer, or a file is too large or unreadable.</exception>
    public static TextAssets FromTokenizerFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var files = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        string? vocabulary = Array.Find(Vocabularies, name => File.Exists(Path.Combine(folder, name)));
        foreach (string name in Names.Where(name => name == vocabulary || !Vocabularies.Contains(name)))
        {
            if (ReadFile(Path.Combine(folder, name)) is byte[] content)
            {
                files.Add(name, content);
            }
        }

        return vocabulary is null
            ? throw new CheckpointException(
                $"{folder} has no tokenizer; the model cannot read text without one of {string.Join(", ", Vocabularies)}.")
            : FromFiles(files);
    }

    /// <summary>Takes a blob apart.</summary>
    /// <param name="bytes">What <see cref="ToBytes"/> gave; must not change afterwards.</param>
    /// <exception cref="CheckpointException">It is something else, or incomplete.</exception>
    public static TextAssets FromBytes(ReadOnlyMemory<byte> bytes)
    {
        if (!bytes.Span.StartsWith(Magic))
        {
            throw new CheckpointException("The text assets do not begin with GLMTEXT1.");
        }

        var files = new Dictionary<string, ReadOnlyMemory<byte>>(StringComparer.Ordinal);
        ReadOnlyMemory<byte> rest = bytes[Magic.Length..];
        string before = "";
        while (!rest.IsEmpty)
        {
            string name = Encoding.UTF8.GetString(TakeField(ref rest).Span);
            if (!Names.Contains(name, StringComparer.Ordinal) || string.CompareOrdinal(before, name) >= 0)
            {
                throw new CheckpointException($"The text assets have an unknown, repeated or misplaced file \"{name}\".");
            }

            files.Add(name, TakeField(ref rest));
            before = name;
        }

        return new TextAssets(bytes, files);
    }

    /// <summary>The blob; the same for the same files.</summary>
    public ReadOnlyMemory<byte> ToBytes() => _blob;

    /// <summary>Makes assets of files in memory, by name.</summary>
    /// <exception cref="CheckpointException">A name is not one of those that make up a text side.</exception>
    public static TextAssets FromFiles(IReadOnlyDictionary<string, ReadOnlyMemory<byte>> files)
    {
        var blob = new ArrayBufferWriter<byte>();
        blob.Write(Magic);
        foreach (string name in Names.Where(files.ContainsKey))
        {
            WriteField(blob, Encoding.UTF8.GetBytes(name));
            WriteField(blob, files[name].Span);
        }

        return FromBytes(blob.WrittenMemory);
    }

    internal bool TryGetFile(string name, out ReadOnlyMemory<byte> content) => _files.TryGetValue(name, out content);

    private static byte[]? ReadFile(string path)
    {
        try
        {
            if (!File.Exists(path))
            {
                return null;
            }

            // The handle's length is that of a link's target; Hugging Face's cache is made of links.
            using FileStream file = File.OpenRead(path);
            if (file.Length > MaximumFileBytes)
            {
                throw new CheckpointException($"{path} is larger than {MaximumFileBytes >> 20} MiB, which no tokenizer or configuration needs.");
            }

            byte[] content = new byte[file.Length];
            file.ReadExactly(content);
            return content;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{path} cannot be read: {e.Message}", e);
        }
    }

    private static void WriteField(ArrayBufferWriter<byte> blob, ReadOnlySpan<byte> content)
    {
        BinaryPrimitives.WriteInt32LittleEndian(blob.GetSpan(sizeof(int)), content.Length);
        blob.Advance(sizeof(int));
        blob.Write(content);
    }

    private static ReadOnlyMemory<byte> TakeField(ref ReadOnlyMemory<byte> rest)
    {
        int length = rest.Length < sizeof(int) ? -1 : BinaryPrimitives.ReadInt32LittleEndian(rest.Span);
        if (length < 0 || length > rest.Length - sizeof(int))
        {
            throw new CheckpointException("The text assets are cut off.");
        }

        ReadOnlyMemory<byte> content = rest.Slice(sizeof(int), length);
        rest = rest[(sizeof(int) + length)..];
        return content;
    }
}
