using System.Buffers;
using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using System.Text.Json;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Json;

namespace GlmCluster.Grains.Postgres.Live;

/// <summary>
/// Embedding requests and their outcomes as bytes. Numbers are 32 bits, little endian. Request: length and JSON of (model, caller), number of
/// texts, then for each its length and its ids. Outcome: 0, number of vectors, numbers of each, then all of them; or 1 and the fault as JSON.
/// </summary>
internal static class EmbeddingCodec
{
    public static byte[] Encode(EmbeddingRequest request)
    {
        var output = new ArrayBufferWriter<byte>();
        byte[] head = JsonSerializer.SerializeToUtf8Bytes(request with { Texts = [] }, ContractsJsonContext.Default.EmbeddingRequest);
        Write(output, head.Length);
        output.Write(head);
        Write(output, request.Texts.Length);
        foreach (ImmutableArray<int> text in request.Texts)
        {
            Write(output, text.Length);
            foreach (int id in text)
            {
                Write(output, id);
            }
        }

        return output.WrittenSpan.ToArray();
    }

    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static EmbeddingRequest DecodeRequest(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> head = Take(ref bytes, ReadLength(ref bytes));
        EmbeddingRequest request = JsonSerializer.Deserialize(head, ContractsJsonContext.Default.EmbeddingRequest)
            ?? throw new InvalidDataException("An embedding request has no head.");
        int count = ReadLength(ref bytes);
        var texts = ImmutableArray.CreateBuilder<ImmutableArray<int>>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> ids = Take(ref bytes, checked(ReadLength(ref bytes) * sizeof(int)));
            int[] text = new int[ids.Length / sizeof(int)];
            for (int j = 0; j < text.Length; j++)
            {
                text[j] = BinaryPrimitives.ReadInt32LittleEndian(ids[(j * sizeof(int))..]);
            }

            texts.Add(ImmutableCollectionsMarshal.AsImmutableArray(text));
        }

        return request with { Texts = texts.ToImmutable() };
    }

    public static byte[] Encode(EmbeddingOutcome outcome)
    {
        if (outcome is EmbeddingRefused refused)
        {
            return [1, .. JsonSerializer.SerializeToUtf8Bytes(refused.Fault, ContractsJsonContext.Default.GenerationFault)];
        }

        ImmutableArray<ReadOnlyMemory<float>> vectors = ((Embedded)outcome).Vectors;
        int width = vectors.IsEmpty ? 0 : vectors[0].Length;
        byte[] bytes = new byte[1 + (2 * sizeof(int)) + (vectors.Length * width * sizeof(float))];
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1), vectors.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(1 + sizeof(int)), width);
        Span<byte> rest = bytes.AsSpan(1 + (2 * sizeof(int)));
        foreach (ReadOnlyMemory<float> vector in vectors)
        {
            foreach (float value in vector.Span)
            {
                BinaryPrimitives.WriteSingleLittleEndian(rest, value);
                rest = rest[sizeof(float)..];
            }
        }

        return bytes;
    }

    /// <exception cref="InvalidDataException">It is something else.</exception>
    public static EmbeddingOutcome DecodeOutcome(ReadOnlySpan<byte> bytes)
    {
        if (Take(ref bytes, 1)[0] == 1)
        {
            return new EmbeddingRefused(JsonSerializer.Deserialize(bytes, ContractsJsonContext.Default.GenerationFault)
                ?? throw new InvalidDataException("A refusal has no fault."));
        }

        (int count, int width) = (ReadLength(ref bytes), ReadLength(ref bytes));
        var vectors = ImmutableArray.CreateBuilder<ReadOnlyMemory<float>>();
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> part = Take(ref bytes, checked(width * sizeof(float)));
            float[] vector = new float[width];
            for (int j = 0; j < width; j++)
            {
                vector[j] = BinaryPrimitives.ReadSingleLittleEndian(part[(j * sizeof(float))..]);
            }

            vectors.Add(vector);
        }

        return new Embedded(vectors.ToImmutable());
    }

    private static void Write(ArrayBufferWriter<byte> output, int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(output.GetSpan(sizeof(int)), value);
        output.Advance(sizeof(int));
    }

    private static int ReadLength(ref ReadOnlySpan<byte> bytes)
    {
        int value = BinaryPrimitives.ReadInt32LittleEndian(Take(ref bytes, sizeof(int)));
        return value >= 0 ? value : throw new InvalidDataException("A length is negative.");
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> bytes, int count)
    {
        if (count > bytes.Length)
        {
            throw new InvalidDataException("An embedding message is cut off.");
        }

        ReadOnlySpan<byte> taken = bytes[..count];
        bytes = bytes[count..];
        return taken;
    }
}
