using System.Globalization;
using GlmCluster.Cli.Settings;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Decoding.Stages;
using GlmCluster.Silo.Loading;

namespace GlmCluster.Cli.Serving;

/// <summary>Runs the server until told to stop, and tells people what they need to know.</summary>
internal static class ServeHost
{
    /// <returns>Exit code: 0 also when told to stop while still starting.</returns>
    public static async Task<int> RunAsync(ServeSettings settings, CancellationToken stopping)
    {
        try
        {
            await ServeAsync(settings, stopping);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            Console.WriteLine("Stopped before the model was loaded.");
        }

        return 0;
    }

    private static async Task ServeAsync(ServeSettings settings, CancellationToken stopping)
    {
        await using EmbeddedServer server = await StartAsync(settings, stopping);
        foreach (string line in DescribeModel(server.Model, settings))
        {
            Console.WriteLine(line);
        }

        Console.WriteLine($"Store   {settings.StoreFile ?? "memory only: conversations end with the process"}");
        Console.WriteLine($"Listening on {server.Url.GetLeftPart(UriPartial.Authority)}");
        Console.WriteLine();
        Console.WriteLine(Example(server));
        await Task.Delay(Timeout.Infinite, stopping).ContinueWith(_ => { }, TaskScheduler.Default);
        Console.WriteLine("Stopping: open streams are closed, unfinished answers can be resumed after the next start.");
    }

    private static async Task<EmbeddedServer> StartAsync(ServeSettings settings, CancellationToken stopping)
    {
        using LoadProgressLine? progress = Console.IsErrorRedirected ? null : new LoadProgressLine(Console.Error);
        return await EmbeddedServer.StartAsync(settings, loaded: null, progress, stopping);
    }

    /// <summary>What runs, for people.</summary>
    public static IEnumerable<string> DescribeModel(LoadedModel model, ServeSettings settings)
    {
        ModelSizes sizes = model.Sizes;
        string weights = Invariant($"weights {model.Card.WeightFormat} {sizes.WeightBytes / 1048576.0:N0} MiB");
        string size = Invariant($"{model.Parameters / 1e6:N1} M parameters, {weights}");
        string kv = Invariant($"KV cache {sizes.Kv.Name()} up to {sizes.KvBytes / 1048576.0:N0} MiB");
        yield return Invariant($"Model   {model.Card.Model.Name} ({model.Card.Architecture}, {size})");
        yield return Invariant($"        loaded in {model.LoadTime.TotalSeconds:N2} s from {settings.ModelFolder}");
        yield return $"        {WeightLoadText.Describe(model.WeightLoad)}";
        yield return Invariant($"Device  {settings.Device}, {settings.Threads} threads; context {sizes.ContextTokens:N0} tokens; {kv}");
        foreach (StageShare stage in model.Stages.Length > 1 ? model.Stages : [])
        {
            string layers = Invariant($"layers {stage.Layers.First} to {stage.Layers.End - 1}, threads {stage.Threads}");
            string memory = Invariant($"weights {stage.WeightBytes / 1048576.0:N0} MiB, KV cache up to {stage.KvBytes / 1048576.0:N0} MiB");
            yield return $"        {stage.Device}: {layers}, {memory}";
        }

        if (model.Text.ChatTemplateProblem is { } problem)
        {
            yield return $"Note    no chat: {problem} /v1/completions works.";
        }
    }

    private static string Example(EmbeddedServer server) =>
        $$"""
        Try it:
          curl -N {{server.Url.GetLeftPart(UriPartial.Authority)}}/v1/chat/completions -H 'Content-Type: application/json' \
            -d '{"model": "{{server.Model.Card.Model.Name}}", "stream": true, "messages": [{"role": "user", "content": "你好"}]}'
        """;

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
