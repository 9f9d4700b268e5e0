using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using GlmCluster.Checkpoints.Tests.Weights.Torch;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Engine.Tests.Decoding;

/// <summary>
/// A golden folder made into one of ChatGLM's own quantised releases: layers' matrices as whole numbers with f16 row scales. And its counterpart,
/// which stores number · scale in f32.
/// </summary>
internal sealed class QuantizedFolder : IDisposable
{
    private static readonly string[] QuantizedNames = ["query_key_value.weight", "dense.weight", "dense_h_to_4h.weight", "dense_4h_to_h.weight"];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-quantized-");

    /// <param name="bits">4 or 8.</param>
    /// <param name="asFloats">Whether to write the counterpart.</param>
    /// <param name="family">The golden folder: <c>chatglm</c>, or <c>chatglm-v1</c> for ChatGLM-6B.</param>
    /// <param name="asTorch">Whether to write <c>pytorch_model.bin</c>, as the published ones are; else safetensors.</param>
    public QuantizedFolder(int bits, bool asFloats, string family = "chatglm", bool asTorch = false)
    {
        string golden = TestModel.GoldenFolder(family);
        var config = (JsonObject)JsonNode.Parse(File.ReadAllText(System.IO.Path.Combine(golden, "config.json")))!;
        config["quantization_bit"] = asFloats ? 0 : bits;
        File.WriteAllText(System.IO.Path.Combine(Path, "config.json"), config.ToJsonString());
        using WeightFolder source = WeightFolder.Open(golden);
        List<StoredTensor> tensors = [.. source.Names.Order(StringComparer.Ordinal).SelectMany(name => Convert(source.Find(name)!, bits, asFloats))];
        if (asTorch)
        {
            WriteTorch(tensors);
        }
        else
        {
            WriteSafetensors(tensors);
        }
    }

    public string Path => _folder.FullName;

    public void Dispose() => _folder.Delete(recursive: true);

    private static IEnumerable<StoredTensor> Convert(TensorView tensor, int bits, bool asFloats)
    {
        float[] values = new float[tensor.Shape.Aggregate(1L, (product, length) => product * length)];
        TensorConverter.Read(tensor, 0, values);
        if (!tensor.Name.Contains(".layers.", StringComparison.Ordinal) || !QuantizedNames.Any(name => tensor.Name.EndsWith(name, StringComparison.Ordinal)))
        {
            return [new StoredTensor(tensor.Name, "F32", [.. tensor.Shape], Bytes(values))];
        }

        (int rows, int columns) = ((int)tensor.Shape[0], (int)tensor.Shape[1]);
        int levels = (1 << (bits - 1)) - 1;
        Half[] scales = [.. Enumerable.Range(0, rows).Select(row => (Half)(values.Skip(row * columns).Take(columns).Max(MathF.Abs) / levels))];
        sbyte[] numbers = [.. values.Select((value, i) => (sbyte)Math.Clamp(MathF.Round(value / (float)scales[i / columns]), -levels - 1, levels))];
        if (asFloats)
        {
            return [new StoredTensor(tensor.Name, "F32", [rows, columns], Bytes(numbers.Select((number, i) => number * (float)scales[i / columns]).ToArray()))];
        }

        byte[] stored = bits == 8
            ? Bytes(numbers)
            : [.. Enumerable.Range(0, numbers.Length / 2).Select(i => (byte)((numbers[2 * i] << 4) | (numbers[(2 * i) + 1] & 15)))];
        return
        [
            new StoredTensor(tensor.Name, "I8", [rows, columns * bits / 8], stored),
            new StoredTensor($"{tensor.Name}_scale", "F16", [rows], Bytes(scales)),
        ];
    }

    private void WriteTorch(List<StoredTensor> tensors)
    {
        byte[] pickle = PickleWriter.StateDictionary(items =>
        {
            foreach (StoredTensor tensor in tensors)
            {
                string storage = tensor.Type switch { "F32" => "FloatStorage", "F16" => "HalfStorage", _ => "CharStorage" };
                long elements = tensor.Shape.Aggregate((product, length) => product * length);
                items.Text(tensor.Name).Tensor(storage, tensor.Name, elements, 0, tensor.Shape, tensor.Shape is [_, long columns] ? [columns, 1] : [1]);
            }
        });
        File.WriteAllBytes(
            System.IO.Path.Combine(Path, "pytorch_model.bin"),
            TorchBytes.Archive(pickle, [.. tensors.Select(tensor => (tensor.Name, tensor.Data))]));
    }

    private void WriteSafetensors(List<StoredTensor> tensors)
    {
        var header = new JsonObject();
        long offset = 0;
        foreach (StoredTensor tensor in tensors)
        {
            header[tensor.Name] = new JsonObject
            {
                ["dtype"] = tensor.Type,
                ["shape"] = JsonSerializer.SerializeToNode(tensor.Shape),
                ["data_offsets"] = JsonSerializer.SerializeToNode(new[] { offset, offset += tensor.Data.Length }),
            };
        }

        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream file = File.Create(System.IO.Path.Combine(Path, "model.safetensors"));
        file.Write(length);
        file.Write(json);
        tensors.ForEach(tensor => file.Write(tensor.Data));
    }

    private static byte[] Bytes<T>(T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();

    private sealed record StoredTensor(string Name, string Type, long[] Shape, byte[] Data);
}
