using System.Globalization;
using GlmCluster.Cli.Hub;

namespace GlmCluster.Cli.Tests.Hub;

public sealed class ModelPullTests : IAsyncLifetime
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-pull-");
    private TestHub _hub = null!;
    private FileSelection _selection = new([], []);
    private string? _token;
    private long _free = long.MaxValue;

    public async ValueTask InitializeAsync() => _hub = await TestHub.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Pull_WholeModel_BringsTheFilesTheServerReads()
    {
        PullReport report = await PullAsync();

        Assert.Equal((TestHub.Commit, 4), (report.Commit, report.Files));
        Assert.Equal(["config.json", "empty.txt", "model.safetensors", "nested/deep/note.txt"], Files());
        Assert.All(Files(), file => Assert.Equal(_hub[file], File.ReadAllBytes(Full(file))));
        Assert.True(ModelPull.ReadRecord(Target)!.Complete);
    }

    [Fact]
    public async Task Pull_Again_FetchesNoFileTwice()
    {
        await PullAsync();
        _hub.Requests.Clear();

        await PullAsync();

        Assert.DoesNotContain(_hub.Requests, request => request.Contains("/resolve/", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Pull_FileChangedOnDisk_FetchesItAgain()
    {
        await PullAsync();
        byte[] bytes = File.ReadAllBytes(Full("model.safetensors"));
        bytes[5] ^= 1;
        File.WriteAllBytes(Full("model.safetensors"), bytes);

        await PullAsync();

        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
    }

    [Fact]
    public async Task Pull_ConnectionCutTenTimes_GoesOnWhereItWas()
    {
        int cuts = 0;
        _hub.Fault = async (context, content) =>
        {
            if (cuts++ == 10)
            {
                return false;
            }

            await TestHub.CutAsync(context, content, 200_000);
            return true;
        };

        await PullAsync();

        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
        string[] ranges = [.. _hub.Requests.Where(request => request.StartsWith("STORE", StringComparison.Ordinal))];
        Assert.Equal(11, ranges.Length);
        Assert.Equal(10, ranges.Count(range => range.Contains("bytes=", StringComparison.Ordinal)));
        long[] offsets = [.. ranges.Skip(1).Select(range => long.Parse(range.Split('=', '-')[1], CultureInfo.InvariantCulture))];
        Assert.Equal(offsets.Distinct().Order(), offsets); // every request goes on behind what came before
    }

    [Fact]
    public async Task Pull_StoppedAndCalledAgain_GoesOnWhereItWas()
    {
        using var stop = new CancellationTokenSource();
        _hub.Fault = async (context, content) =>
        {
            context.Response.ContentLength = content.Length;
            await context.Response.Body.WriteAsync(content.AsMemory(0, 500_000));
            await context.Response.Body.FlushAsync();
            await Arrived(500_000);
            await stop.CancelAsync();
            return true;
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PullAsync(stop.Token));
        Assert.False(File.Exists(Full("model.safetensors")));
        Assert.False(ModelPull.ReadRecord(Target)!.Complete);
        _hub.Fault = (_, _) => Task.FromResult(false);

        await PullAsync();

        Assert.Contains("STORE /model.safetensors bytes=500000-", _hub.Requests);
        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
        Assert.DoesNotContain(Files(), file => file.EndsWith(HubFile.PartExtension, StringComparison.Ordinal));

        async Task Arrived(long bytes)
        {
            while (_progress.Done < bytes)
            {
                await Task.Yield();
            }
        }
    }

    [Fact]
    public async Task Pull_ServerIgnoresRange_StartsTheFileAgain()
    {
        int requests = 0;
        _hub.Fault = async (context, content) =>
        {
            if (requests++ == 0)
            {
                await TestHub.CutAsync(context, content, 200_000);
                return true;
            }

            await context.Response.Body.WriteAsync(content);
            return true;
        };

        await PullAsync();

        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
    }

    [Fact]
    public async Task Pull_BusyServer_IsAskedAgain()
    {
        int requests = 0;
        _hub.Fault = (context, _) =>
        {
            context.Response.StatusCode = requests++ switch { 0 => 503, 1 => 429, _ => 200 };
            return Task.FromResult(context.Response.StatusCode != 200);
        };

        await PullAsync();

        Assert.Equal(3, requests);
        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
    }

    [Fact]
    public async Task Pull_ServerThatIsNeverReady_IsGivenUp()
    {
        int requests = 0;
        _hub.Fault = (context, _) =>
        {
            requests++;
            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        };

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Equal(HubRetry.MostFailures, requests);
        Assert.Contains("503", error.Message, StringComparison.Ordinal);
        Assert.Contains("Gave up", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_WrongBytes_ThrowsThemAwayAndSaysSo()
    {
        _hub.Fault = async (context, content) =>
        {
            byte[] wrong = [.. content];
            wrong[1_000] ^= 1;
            await context.Response.Body.WriteAsync(wrong);
            return true;
        };

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Contains("model.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Full("model.safetensors")));
        Assert.False(ModelPull.ReadRecord(Target)!.Complete);
    }

    [Fact]
    public async Task Pull_MoreBytesThanAnnounced_IsRefused()
    {
        _hub.Fault = async (context, content) =>
        {
            await context.Response.Body.WriteAsync(content);
            await context.Response.Body.WriteAsync(content);
            return true;
        };

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Contains("longer than the 3,000,000 bytes", error.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Full("model.safetensors")));
    }

    [Theory]
    [InlineData(null, "HF_TOKEN")]
    [InlineData("wrong", "terms")]
    public async Task Pull_TokenMissingOrWrong_SaysWhatToDo(string? token, string remedy)
    {
        _hub.Token = "right";
        _token = token;

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Contains("401", error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_RightToken_IsSentToTheHubOnly()
    {
        _hub.Token = "right";
        _token = "right";

        await PullAsync();

        Assert.Equal(_hub["model.safetensors"], File.ReadAllBytes(Full("model.safetensors")));
        Assert.Empty(_hub.StorageTokens);
    }

    [Fact]
    public async Task Pull_UnknownRevision_NamesIt()
    {
        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync(revision: "v9"));

        Assert.Contains("404", error.Message, StringComparison.Ordinal);
        Assert.Contains("v9", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil.txt")]
    [InlineData("nested/../../evil.txt")]
    [InlineData("/etc/evil.txt")]
    [InlineData("C:\\evil.txt")]
    [InlineData("a/./b")]
    [InlineData("a//b")]
    public async Task Pull_PathThatLeadsOut_IsRefused(string path)
    {
        _hub.Listing = json => json.Replace("config.json", System.Text.Json.JsonEncodedText.Encode(path).ToString(), StringComparison.Ordinal);

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Contains("not safe", error.Message, StringComparison.Ordinal);
        Assert.Empty(_folder.EnumerateFileSystemInfos());
    }

    [Fact]
    public async Task Pull_TooLittleRoom_IsRefusedBeforeAnyFile()
    {
        _free = 1_000_000;

        HubException error = await Assert.ThrowsAsync<HubException>(() => PullAsync());

        Assert.Contains("1,000,000 free", error.Message, StringComparison.Ordinal);
        Assert.Contains("--to", error.Message, StringComparison.Ordinal);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task Pull_IncludeAndExclude_ChooseFiles()
    {
        _selection = new FileSelection(["*.bin", "*.txt"], ["nested/*"]);

        await PullAsync();

        Assert.Equal(["empty.txt", "pytorch_model.bin"], Files());
    }

    private string Target => Path.Combine(_folder.FullName, "model");

    private PullProgress _progress = null!;

    private string Full(string file) => Path.Combine(Target, file);

    private string[] Files() => !Directory.Exists(Target)
        ? []
        :
        [
            .. Directory.EnumerateFiles(Target, "*", SearchOption.AllDirectories)
                .Select(path => Path.GetRelativePath(Target, path).Replace('\\', '/'))
                .Where(path => path != ModelPull.RecordName)
                .Order(StringComparer.Ordinal),
        ];

    private Task<PullReport> PullAsync(CancellationToken cancellationToken = default) => PullAsync("main", cancellationToken);

    private async Task<PullReport> PullAsync(string revision, CancellationToken cancellationToken = default)
    {
        Assert.True(ModelId.TryParse(TestHub.Model, out ModelId? model));
        using HttpClient http = HubClient.CreateHttp();
        using PullProgress progress = _progress = new PullProgress(TextWriter.Null, isWatched: true, TimeProvider.System);
        var pull = new ModelPull(new HubClient(http, _hub.Url, _token), new HubRetry(TimeProvider.System, TimeSpan.Zero, progress.Say), _ => _free, progress);
        return await pull.RunAsync(new PullOrder(model, revision, Target, _hub.Url, _selection), cancellationToken);
    }
}
