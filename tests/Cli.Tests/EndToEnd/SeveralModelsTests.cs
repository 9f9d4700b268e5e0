using System.Net;
using System.Text.Json.Nodes;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.EndToEnd;

/// <summary>A real server with several models that come and go while clients stream. A stream's text alone is the oracle for its text beside others.</summary>
public sealed class SeveralModelsTests : IAsyncLifetime
{
    private const int StreamsPerModel = 2;

    /// <summary>So many that streams outlive what is done meanwhile; that they do is asserted.</summary>
    private const int Tokens = 1_200;

    private static readonly string Nano = RepositoryFolder.Path("assets", "glm-nano");

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-");
    private ServerProcess? _server;
    private ChatApi? _api;

    private ChatApi Api => _api!;

    private string Socket => Path.Combine(_folder.FullName, "control.sock");

    public async ValueTask InitializeAsync()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.FullName, "glm.json"), new JsonObject
        {
            ["models"] = new JsonArray(Nano, new JsonObject { ["folder"] = Nano, ["name"] = "small", ["weights"] = "int8", ["kv-memory"] = "256MB" }),
            ["aliases"] = new JsonObject { ["gpt-4o"] = "small" },
            ["cache-dir"] = Path.Combine(_folder.FullName, "cache"),
            ["control"] = Socket,
        }.ToJsonString());
        _server = await ServerProcess.StartAsync("memory", "--config", Path.Combine(_folder.FullName, "glm.json"));
        _api = new ChatApi(_server.Url);
    }

    public async ValueTask DisposeAsync()
    {
        _api?.Dispose();
        await (_server?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Stream_TwoModelsAtOnceAndAThirdComesAndOneGoes_TextIsAsAlone()
    {
        string[] first = await AloneAsync("glm-nano");
        string[] second = await AloneAsync("small");

        (Task<ChatApi.Stream>[] streams, Task started) = Start("glm-nano", "small");
        await started;
        (int loaded, string loadText) = await ModelAsync("load", Nano, "--name", "third", "--weights", "int4", "--kv-memory", "64MB");
        bool wereStreaming = streams.All(stream => !stream.IsCompleted);
        HttpStatusCode third = await Api.TryAsync("third");
        (int unloaded, string unloadText) = await ModelAsync("unload", "small");
        string[] texts = [.. (await Task.WhenAll(streams)).Select(stream => stream.Text)];

        Assert.Equal((0, 0), (loaded, unloaded));
        Assert.StartsWith("Loaded third: glm, weights int4", loadText, StringComparison.Ordinal);
        Assert.StartsWith("Unloaded small: ", unloadText, StringComparison.Ordinal);
        Assert.Equal([.. first, .. second], texts);
        Assert.Equal(["glm-nano", "third", "nano-embed"], await Api.ListModelsAsync());
        Assert.NotEqual(first, second); // or nothing above says anything
        Assert.True(wereStreaming);
        Assert.Equal(HttpStatusCode.OK, third);
    }

    [Fact]
    public async Task Unload_WhileItStreams_StreamsEndWholeAndNewOnesAreRefused()
    {
        string[] alone = await AloneAsync("small");

        (Task<ChatApi.Stream>[] streams, Task started) = Start("small");
        await started;
        Task<(int ExitCode, string Text)> unload = ModelAsync("unload", "small");
        while (await Api.TryAsync("small") == HttpStatusCode.OK)
        {
            // Offered until the command has reached the server.
        }

        bool wereStreaming = streams.All(stream => !stream.IsCompleted);
        ChatApi.Stream[] answers = await Task.WhenAll(streams);
        int exitCode = (await unload).ExitCode;

        Assert.Equal(0, exitCode);
        Assert.Equal(alone, answers.Select(answer => answer.Text));
        Assert.All(answers, answer => Assert.Equal("length", answer.FinishReason));
        Assert.True(wereStreaming);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Api.TryAsync("small")); // it was there before
        Assert.Equal(HttpStatusCode.ServiceUnavailable, await Api.TryAsync("gpt-4o")); // its alias
        Assert.Equal(HttpStatusCode.OK, await Api.TryAsync("glm-nano"));
    }

    /// <summary>What an unload did not wait for goes on when the model is there again.</summary>
    [Fact]
    public async Task Unload_WithoutPatience_StreamsGoOnOnceItIsLoadedAgain()
    {
        string[] alone = await AloneAsync("small");

        (Task<ChatApi.Stream>[] streams, Task started) = Start("small");
        await started;
        await ModelAsync("unload", "small", "--drain-timeout", "0s");
        bool wereStreaming = streams.All(stream => !stream.IsCompleted);
        (int exitCode, _) = await ModelAsync("load", Nano, "--name", "small", "--weights", "int8");

        Assert.Equal(0, exitCode);
        Assert.True(wereStreaming);
        Assert.Equal(alone, (await Task.WhenAll(streams)).Select(stream => stream.Text));
    }

    [Fact]
    public async Task Load_WhatCannotBe_SaysWhyAndLeavesTheOthersAsTheyWere()
    {
        string[] alone = await AloneAsync("glm-nano");
        string broken = Path.Combine(_folder.FullName, "broken");
        CopyWithHalfOfTheWeights(broken);

        (Task<ChatApi.Stream>[] streams, Task started) = Start("glm-nano");
        await started;
        (int ExitCode, string Text)[] refused =
        [
            await ModelAsync("load", broken),
            await ModelAsync("load", Nano, "--name", "huge", "--kv-memory", "4TB", "--max-sequences", "4096", "--step-tokens", "4096", "--kv-format", "f32"),
            await ModelAsync("load", Nano, "--name", "small"),
            await ModelAsync("load", Path.Combine(_folder.FullName, "nowhere")),
            await ModelAsync("unload", "nobody"),
        ];

        Assert.All(refused, answer => Assert.Equal(1, answer.ExitCode));
        Assert.Contains("model.safetensors", refused[0].Text, StringComparison.Ordinal);
        Assert.Matches("'huge' needs [0-9,]+ MiB for weights and [0-9,]+ MiB for its KV cache.*'glm-nano'.*Lower kv-memory", refused[1].Text);
        Assert.Contains("'small' runs here already", refused[2].Text, StringComparison.Ordinal);
        Assert.Contains("nowhere", refused[3].Text, StringComparison.Ordinal);
        Assert.Contains("Those are: glm-nano, small", refused[4].Text, StringComparison.Ordinal);
        Assert.Equal(alone, (await Task.WhenAll(streams)).Select(stream => stream.Text));
        Assert.Equal(["glm-nano", "small", "nano-embed", "gpt-4o"], await Api.ListModelsAsync());
    }

    [Fact]
    public async Task ControlSocket_OfARunningServer_IsItsUsersOnly()
    {
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Socket));
        }

        Assert.Equal(0, await _server!.StopAsync());
        Assert.False(File.Exists(Socket));
    }

    private Task<(int ExitCode, string Text)> ModelAsync(string command, string subject, params string[] options) =>
        GlmProcess.RunAsync(["model", command, subject, "--server", Socket, .. options]);

    private async Task<string[]> AloneAsync(string model)
    {
        var texts = new List<string>();
        for (int seed = 0; seed < StreamsPerModel; seed++)
        {
            texts.Add((await Api.CompleteTextAsync(seed, model: model, exactTokens: Tokens)).Text);
        }

        return [.. texts];
    }

    /// <returns>Streams of each model, and what ends when all have begun.</returns>
    private (Task<ChatApi.Stream>[] Streams, Task Started) Start(params string[] models)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        int waiting = models.Length * StreamsPerModel;
        void Note()
        {
            if (Interlocked.Decrement(ref waiting) == 0)
            {
                started.TrySetResult();
            }
        }

        Task<ChatApi.Stream>[] streams =
            [.. models.SelectMany(model => Enumerable.Range(0, StreamsPerModel).Select(seed => Api.CompleteTextAsync(seed, Note, model: model, exactTokens: Tokens)))];
        return (streams, started.Task);
    }

    private static void CopyWithHalfOfTheWeights(string folder)
    {
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.EnumerateFiles(Nano))
        {
            byte[] content = File.ReadAllBytes(file);
            int kept = file.EndsWith(".safetensors", StringComparison.Ordinal) ? content.Length / 2 : content.Length;
            File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(file)), content[..kept]);
        }
    }
}
