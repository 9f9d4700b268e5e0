using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Tests.Decoding;
using GlmCluster.Engine.WeightCache;

namespace GlmCluster.Engine.Tests.WeightCache;

/// <summary>Quantised weights are made once, read afterwards, and made again whenever the file is not what it should be.</summary>
public sealed class WeightCacheTests : IDisposable
{
    private const string Hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private static readonly long[] Ids = TestPart.RandomIds(40, 4096, seed: 1);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-weights-");

    private string CacheFile => Path.Combine(_folder.FullName, "nano.weights");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData(WeightFormat.Int8)]
    [InlineData(WeightFormat.Int4Block32)]
    [InlineData(WeightFormat.Int4Block128)]
    public void Load_SecondTime_ReadsTheFileAndGivesTheSameBits(WeightFormat format)
    {
        (WeightLoadReport none, float[] expected) = Load(format, plan: null);
        (WeightLoadReport first, float[] made) = Load(format, Plan());
        (WeightLoadReport second, float[] read) = Load(format, Plan());

        Assert.Null(none.WrittenTo);
        Assert.Equal((null, CacheFile), (first.ReadFrom, first.WrittenTo));
        Assert.Equal((CacheFile, null), (second.ReadFrom, second.WrittenTo));
        Assert.Empty(second.Notes);
        Assert.Equal(expected, made);
        Assert.Equal(expected, read);
    }

    /// <summary>Bytes of the first page, of a matrix, of the index at the end: whatever is turned, the file is made again.</summary>
    [Theory]
    [InlineData(0, "is no file of quantised weights")]
    [InlineData(8, "has version")]
    [InlineData(30, "is damaged")]
    [InlineData(4096, "is damaged")]
    [InlineData(1_000_003, "is damaged")]
    [InlineData(-100, "is damaged")]
    public void Load_BitFlipped_NoteAndMadeAgain(long at, string reason)
    {
        float[] expected = Load(WeightFormat.Int8, Plan()).Logits;
        byte[] bytes = File.ReadAllBytes(CacheFile);
        byte[] damaged = [.. bytes];
        damaged[at < 0 ? bytes.Length + at : at] ^= 1;
        File.WriteAllBytes(CacheFile, damaged);

        (WeightLoadReport report, float[] logits) = Load(WeightFormat.Int8, Plan());

        Assert.Contains(reason, Assert.Single(report.Notes), StringComparison.Ordinal);
        Assert.Contains(CacheFile, report.Notes[0], StringComparison.Ordinal);
        Assert.Equal(expected, logits);
        Assert.Equal(bytes, File.ReadAllBytes(CacheFile));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(5000)]
    [InlineData(3_000_000)]
    public void Load_Truncated_NoteAndMadeAgain(long length)
    {
        float[] expected = Load(WeightFormat.Int8, Plan()).Logits;
        long whole = new FileInfo(CacheFile).Length;
        using (FileStream file = File.OpenWrite(CacheFile))
        {
            file.SetLength(length);
        }

        (WeightLoadReport report, float[] logits) = Load(WeightFormat.Int8, Plan());

        Assert.Single(report.Notes);
        Assert.Equal(expected, logits);
        Assert.Equal(whole, new FileInfo(CacheFile).Length);
    }

    [Fact]
    public void Load_OtherCheckpointOrFormat_MadeAgain()
    {
        Load(WeightFormat.Int8, Plan());
        WeightLoadReport otherFormat = Load(WeightFormat.Int4Block32, Plan()).Report;
        WeightLoadReport otherCheckpoint = Load(WeightFormat.Int4Block32, Plan() with { ContentHash = "other" }).Report;

        Assert.Contains("other weights", Assert.Single(otherFormat.Notes), StringComparison.Ordinal);
        Assert.Contains("other weights", Assert.Single(otherCheckpoint.Notes), StringComparison.Ordinal);
        Assert.Equal(CacheFile, otherCheckpoint.WrittenTo);
    }

    [Fact]
    public void Load_FileBesideTheModelDamaged_NextOneIsRead()
    {
        Load(WeightFormat.Int8, Plan());
        string beside = Path.Combine(_folder.FullName, "beside.weights");
        File.WriteAllText(beside, "damaged");

        WeightLoadReport report = Load(WeightFormat.Int8, Plan() with { ReadPaths = [beside, CacheFile] }).Report;

        Assert.Equal(CacheFile, report.ReadFrom);
        Assert.Single(report.Notes);
    }

    /// <summary>A file where a folder should be: as with a folder that may not be written to, whoever runs the test.</summary>
    [Fact]
    public void Load_FolderCannotBeMade_GoesOnWithoutAndSaysSo()
    {
        File.WriteAllText(CacheFile, "in the way");
        string impossible = Path.Combine(CacheFile, "nano.weights");
        float[] expected = Load(WeightFormat.Int8, plan: null).Logits;

        (WeightLoadReport report, float[] logits) = Load(WeightFormat.Int8, new WeightCachePlan(Hash, [impossible], impossible));

        Assert.Contains("cannot be written", Assert.Single(report.Notes), StringComparison.Ordinal);
        Assert.Null(report.WrittenTo);
        Assert.Equal(expected, logits);
    }

    [Fact]
    public void Load_DiskFull_GoesOnWithoutAndLeavesNothing()
    {
        Assert.SkipUnless(SmallDisk.IsPossible, "Only root on Linux can mount a small disk.");
        using var disk = new SmallDisk(mebibytes: 2);
        string full = Path.Combine(disk.Folder, "nano.weights");
        float[] expected = Load(WeightFormat.Int8, plan: null).Logits;

        (WeightLoadReport report, float[] logits) = Load(WeightFormat.Int8, new WeightCachePlan(Hash, [full], full));

        Assert.Contains("cannot be written", Assert.Single(report.Notes), StringComparison.Ordinal);
        Assert.Null(report.WrittenTo);
        Assert.Equal(expected, logits);
        Assert.Empty(Directory.EnumerateFileSystemEntries(disk.Folder));
    }

    [Fact]
    public async Task Load_SeveralAtOnce_AllSameBitsAndOneFile()
    {
        float[] expected = Load(WeightFormat.Int8, plan: null).Logits;

        (WeightLoadReport Report, float[] Logits)[] loads = await Task.WhenAll(
            Enumerable.Range(0, 4).Select(_ => Task.Run(() => Load(WeightFormat.Int8, Plan()))));

        Assert.All(loads, load => Assert.Equal(expected, load.Logits));
        Assert.Equal([CacheFile], Directory.GetFiles(_folder.FullName));
        Assert.Equal(CacheFile, Load(WeightFormat.Int8, Plan()).Report.ReadFrom);
    }

    [Fact]
    public void Load_LeftoverOfKilledProcess_IsRemoved()
    {
        string leftover = CacheFile + ".abcdefgh.ijk.tmp";
        File.WriteAllText(leftover, "half");

        Load(WeightFormat.Int8, Plan());

        Assert.False(File.Exists(leftover));
    }

    [Fact]
    public void Load_CancelledWhileQuantising_LeavesNothing()
    {
        using var cancellation = new CancellationTokenSource();
        cancellation.Cancel();

        Assert.ThrowsAny<OperationCanceledException>(() => TestModel.Load(
            TestModel.NanoFolder, options => options with { WeightFormat = WeightFormat.Int8, WeightCache = Plan() }, cancellation.Token));

        Assert.Empty(Directory.GetFiles(_folder.FullName));
    }

    private WeightCachePlan Plan() => new(Hash, [CacheFile], CacheFile);

    private static (WeightLoadReport Report, float[] Logits) Load(WeightFormat format, WeightCachePlan? plan)
    {
        using TestModel model = TestModel.Load(TestModel.NanoFolder, options => options with { WeightFormat = format, WeightCache = plan });
        return (model.Runner.LoadReport, TestBatch.Run(model.Runner, TestPart.Whole(Ids, [0, 1]))[0]);
    }
}
