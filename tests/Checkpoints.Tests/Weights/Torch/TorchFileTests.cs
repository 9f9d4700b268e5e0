using System.Buffers.Binary;
using System.IO.Compression;
using GlmCluster.Checkpoints.Tests.Files;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Checkpoints.Weights.Torch;
using GlmCluster.TestKit;

namespace GlmCluster.Checkpoints.Tests.Weights.Torch;

public sealed class TorchFileTests : IDisposable
{
    private static readonly byte[] Six = [1, 2, 3, 4, 5, 6];

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("FloatStorage", TensorType.F32, 4)]
    [InlineData("HalfStorage", TensorType.F16, 2)]
    [InlineData("BFloat16Storage", TensorType.BF16, 2)]
    [InlineData("CharStorage", TensorType.I8, 1)]
    [InlineData("ByteStorage", TensorType.U8, 1)]
    [InlineData("IntStorage", TensorType.I32, 4)]
    [InlineData("LongStorage", TensorType.I64, 8)]
    public unsafe void Find_EveryType_HasShapeAndBytes(string storageClass, TensorType type, int elementBytes)
    {
        byte[] storage = [.. Enumerable.Range(0, 8 * elementBytes).Select(i => (byte)i)];
        using TorchFile file = Open(TorchBytes.One(storageClass, storage, 8, 2, [2, 3], [3, 1]));

        TensorView tensor = file.Find("a")!;

        Assert.Equal((type, 6L * elementBytes), (tensor.Type, tensor.ByteLength));
        Assert.Equal([2L, 3L], tensor.Shape);
        Assert.Equal(storage[(2 * elementBytes)..], new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteLength).ToArray());
        Assert.Equal(["a"], file.Names);
        Assert.Null(file.Find("b"));
    }

    [Fact]
    public void Find_TwoViewsAndAParameterOfOneStorage_AreAllThere()
    {
        byte[] pickle = PickleWriter.StateDictionary(items => items
            .Text("a").Tensor("ByteStorage", "0", 6, 0, [6], [1])
            .Text("b").Global("torch._utils", "_rebuild_parameter").Op('(').Tensor("ByteStorage", "0", 6, 3, [1, 3], [99, 1]).Raw(0x88).Op(')').Op('t').Op('R')
            .Text("epoch").Integer(7));
        using TorchFile file = Open(TorchBytes.Archive(pickle, ("0", Six)));

        Assert.Equal(["a", "b"], file.Names.Order());
        Assert.Equal(file.Find("a")!.Address + 3, file.Find("b")!.Address);
    }

    [Fact]
    public void Find_TransposedView_IsRefusedAndOthersAreNot()
    {
        using TorchFile file = Open(TorchBytes.One("ByteStorage", Six, 6, 0, [3, 2], [1, 3]));
        AssertMessage(Assert.Throws<CheckpointException>(() => file.Find("a")), "\"a\" has strides [1, 3]");
    }

    [Fact]
    public void Find_UnusedType_NamesIt()
    {
        using TorchFile file = Open(TorchBytes.One("DoubleStorage", new byte[16], 2, 0, [2], [1]));
        AssertMessage(Assert.Throws<CheckpointException>(() => file.Find("a")), "\"a\" has a DoubleStorage", "supported: F32");
    }

    /// <summary>Everything that Python's own loader would run or look up.</summary>
    [Fact]
    public void Open_PickleThatWouldRunCode_IsRefusedByName()
    {
        AssertRefused(new PickleWriter().Global("os", "system").Text("touch /tmp/x").Raw(0x85).Op('R').End(), "names os.system");
        AssertRefused(new PickleWriter().Text("posix").Text("system").Raw(0x93).End(), "names posix.system");
        AssertRefused(new PickleWriter().Global("builtins", "eval").Text("1").Raw(0x85).Op('R').End(), "names builtins.eval");
        AssertRefused(new PickleWriter().Global("torch", "load").Text("x").Raw(0x85).Op('R').End(), "names torch.load");
        AssertRefused(new PickleWriter().Global("torch.storage", "_load_from_bytes").End(), "names torch.storage._load_from_bytes");
        AssertRefused(new PickleWriter().Global("collections", "OrderedDict").Tuple(1).Op('R').End(), "calls OrderedDict in a way that makes no tensor");
        AssertRefused(new PickleWriter().Global("collections", "OrderedDict").Op(')').Raw(0x81).End(), "uses instruction 0x81");
        AssertRefused(new PickleWriter().Raw("(S'x'\nios\nsystem\n"u8).End(), "uses instruction 'S'");
        AssertRefused(new PickleWriter().Raw(0x82, 1).End(), "uses instruction 0x82");
        AssertRefused(new PickleWriter().Text("x").Op('Q').End(), "refers to something outside");
        AssertRefused(new PickleWriter().Integer(1).Op('}').Op('b').End(), "sets the state of something that is no dictionary");
    }

    [Fact]
    public void Open_BrokenPrograms_AreRefusedCleanly()
    {
        AssertRefused(new PickleWriter().End(), "empty stack");
        AssertRefused(new PickleWriter().Op('t').End(), "a mark that is not there");
        AssertRefused(new PickleWriter().Integer(1).Op('(').Raw(0x85).End(), "empty stack");
        AssertRefused(new PickleWriter().Raw((byte)'h', 9).End(), "recalls value 9");
        AssertRefused([0x80, 2, (byte)'X', 0xFF, 0xFF, 0xFF, 0x7F], "in the middle");
        AssertRefused([0x80, 2, (byte)'X', 0xFF, 0xFF, 0xFF, 0xFF], "in the middle");
        AssertRefused([0x80, 2], "in the middle");
        AssertRefused(new PickleWriter().Raw(0x8a, 9).Raw(new byte[9]).End(), "more than 64 bits");
        AssertRefused(new PickleWriter().Integer(7).End(), "no dictionary of tensors");
    }

    [Fact]
    public void Open_DeepNestingAndManyValues_EndQuickly()
    {
        PickleWriter deep = new PickleWriter().Op('}').Text("a");
        for (int i = 0; i < 500_000; i++)
        {
            deep.Op(']');
        }

        for (int i = 0; i < 500_000; i++)
        {
            deep.Raw(0x85);
        }

        AssertRefused(deep.Op('s').End(), "sets items of something that is no dictionary");
        AssertRefused(new PickleWriter().Raw([.. Enumerable.Repeat((byte)'}', 3_000_000)]).End(), "more than 2,097,152 values");
    }

    [Theory]
    [InlineData(6, 0, new long[] { 7 }, new long[] { 1 }, "reaches beyond its storage of 6")]
    [InlineData(6, 5, new long[] { 2 }, new long[] { 1 }, "reaches beyond its storage of 6")]
    [InlineData(6, long.MaxValue, new long[] { 1 }, new long[] { 1 }, "reaches beyond")]
    [InlineData(6, 0, new[] { long.MaxValue, long.MaxValue }, new long[] { 1, 1 }, "reaches beyond")]
    [InlineData(7, 0, new long[] { 6 }, new long[] { 1 }, "states 7 elements and has 6")]
    [InlineData(long.MaxValue, 0, new[] { long.MaxValue }, new long[] { 1 }, "elements and has 6")]
    [InlineData(6, 0, new long[] { 6 }, new long[] { 1, 1 }, "1 dimensions and 2 strides")]
    public void Open_TensorOutsideItsStorage_IsRefused(long stated, long first, long[] shape, long[] strides, string fault) =>
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, stated, first, shape, strides), "\"a\"", fault);

    [Fact]
    public void Open_NegativeSizesOrMissingStorage_AreRefused()
    {
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, 6, 0, [-1], [1]), "not up to 16 integers from 0");
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, 6, -1, [1], [1]), "in a way that makes no tensor");
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, -1, 0, [1], [1]), "no storage");
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, 6, 0, [.. new long[17]], [.. new long[17]]), "up to 16");
        byte[] pickle = PickleWriter.StateDictionary(items => items.Text("a").Tensor("ByteStorage", "9", 1, 0, [1], [1]));
        AssertFileRefused(TorchBytes.Archive(pickle, ("0", Six)), "storage \"9\"");
    }

    [Fact]
    public void Open_CompressedArchive_IsRefusedBeforeAnythingIsUnpacked() => AssertFileRefused(
        TorchBytes.Archive(CompressionLevel.Optimal, PickleWriter.StateDictionary(_ => { }), ("0", new byte[10_000_000])), "compressed or encrypted");

    [Fact]
    public void Open_OverlappingOrMisplacedEntries_AreRefused()
    {
        byte[] file = TorchBytes.Archive(
            PickleWriter.StateDictionary(items => items.Text("a").Tensor("ByteStorage", "0", 6, 0, [6], [1])), ("0", Six), ("1", new byte[50]));
        List<int> directory = [.. Enumerable.Range(0, file.Length - 4).Where(i => BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(i)) == 0x02014b50)];

        // The third entry is storage 0, the fourth storage 1: put it where storage 0 lies.
        byte[] overlapping = [.. file];
        overlapping.AsSpan(directory[2] + 42, 4).CopyTo(overlapping.AsSpan(directory[3] + 42));
        AssertFileRefused(overlapping, "overlap");

        byte[] beyond = [.. file];
        BinaryPrimitives.WriteUInt32LittleEndian(beyond.AsSpan(directory[2] + 20), 1_000_000);
        BinaryPrimitives.WriteUInt32LittleEndian(beyond.AsSpan(directory[2] + 24), 1_000_000);
        AssertFileRefused(beyond, "reaches beyond the end");

        byte[] unequal = [.. file];
        BinaryPrimitives.WriteUInt32LittleEndian(unequal.AsSpan(directory[2] + 24), 1_000_000);
        AssertFileRefused(unequal, "has 6 bytes and states 1,000,000");

        byte[] misplaced = [.. file];
        BinaryPrimitives.WriteUInt32LittleEndian(misplaced.AsSpan(directory[2] + 42), 1);
        AssertFileRefused(misplaced, "not where its directory says");
    }

    [Fact]
    public void Open_OtherFiles_SayWhatTheyAre()
    {
        AssertFileRefused([0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, (byte)'.'], "PyTorch before 1.6");
        AssertFileRefused(new byte[100], "no PyTorch file");
        AssertFileRefused("x"u8.ToArray(), "too short");
        AssertFileRefused(TorchBytes.One("ByteStorage", Six, 6, 0, [6], [1])[..^30], "truncated");
    }

    [Fact]
    public void Open_RandomlyDamagedFile_FailsOnlyCleanly()
    {
        byte[] file = TorchBytes.One("FloatStorage", new byte[24], 6, 0, [2, 3], [3, 1]);
        var random = new Random(20261);
        int refused = 0;
        for (int round = 0; round < 1000; round++)
        {
            try
            {
                using TorchFile damaged = Open(HeaderMutations.Damage(file, random));
                damaged.Names.ToList().ForEach(name => damaged.Find(name));
            }
            catch (CheckpointException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 300, 999);
    }

    /// <summary>A whole model folder in shards with an index gives the same tensors as its safetensors.</summary>
    [Fact]
    public unsafe void Open_FolderOfShards_SameTensorsAsSafetensors()
    {
        string source = RepositoryFolder.Path("tests", "data", "golden", "glm-edge");
        using WeightFolder expected = WeightFolder.Open(source);
        string[][] shards = [.. expected.Names.Order().Chunk(9)];
        for (int i = 0; i < shards.Length; i++)
        {
            WriteShard($"pytorch_model-{i}.bin", [.. shards[i].Select(name => expected.Find(name)!)]);
        }

        string map = string.Join(",", shards.SelectMany((names, i) => names.Select(name => $"\"{name}\":\"pytorch_model-{i}.bin\"")));
        _folder.Write("pytorch_model.bin.index.json", $"{{\"weight_map\":{{{map}}}}}");
        _folder.Write("config.json", File.ReadAllBytes(Path.Combine(source, "config.json")));

        using Checkpoint checkpoint = Checkpoint.Open(_folder.Path);

        Assert.Equal(3, shards.Length);
        foreach (TensorView tensor in checkpoint.ReadDecoder().All)
        {
            TensorView original = expected.Find(tensor.Name)!;
            Assert.Equal(original.Shape, tensor.Shape);
            Assert.True(new ReadOnlySpan<byte>((void*)original.Address, (int)original.ByteLength)
                .SequenceEqual(new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteLength)));
        }
    }

    private unsafe void WriteShard(string name, TensorView[] tensors)
    {
        byte[] pickle = PickleWriter.StateDictionary(items =>
        {
            for (int i = 0; i < tensors.Length; i++)
            {
                TensorView tensor = tensors[i];
                long[] strides = [.. Enumerable.Range(1, tensor.Shape.Length).Select(from => tensor.Shape[from..].Aggregate(1L, (a, b) => a * b))];
                items.Text(tensor.Name).Tensor("HalfStorage", $"{i}", tensor.ByteLength / 2, 0, [.. tensor.Shape], strides);
            }
        });
        _folder.Write(name, TorchBytes.Archive(pickle, [.. tensors.Select((tensor, i) =>
            ($"{i}", new ReadOnlySpan<byte>((void*)tensor.Address, (int)tensor.ByteLength).ToArray()))]));
    }

    private TorchFile Open(ReadOnlySpan<byte> file) => TorchFile.Open(_folder.Write("pytorch_model.bin", file));

    private void AssertRefused(byte[] pickle, params string[] parts) => AssertFileRefused(TorchBytes.Archive(pickle), parts);

    private void AssertFileRefused(byte[] file, params string[] parts) =>
        AssertMessage(Assert.Throws<CheckpointException>(() => Open(file).Dispose()), parts);

    private void AssertMessage(CheckpointException error, params string[] parts) =>
        Assert.All([_folder.File("pytorch_model.bin"), .. parts], part => Assert.Contains(part, error.Message, StringComparison.Ordinal));
}
