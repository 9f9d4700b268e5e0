using GlmCluster.Cli.Control;
using GlmCluster.Cli.Settings;

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
            Console.WriteLine("Stopped before its models were loaded.");
        }

        return 0;
    }

    private static async Task ServeAsync(ServeSettings settings, CancellationToken stopping)
    {
        await using EmbeddedServer server = await StartAsync(settings, stopping);
        await using ControlServer? control = await ControlServer.StartAsync(
            server.Models, settings, $"serve-{server.Url.Port}", server.Logger, stopping);
        foreach (string line in server.Models.Models.SelectMany(model => ModelDescription.Lines(model.Model))
            .Concat(server.Embeddings.Models.SelectMany(ModelDescription.Lines)))
        {
            Console.WriteLine(line);
        }

        Console.WriteLine($"Store   {settings.StoreFile ?? "memory only: conversations end with the process"}");
        Console.WriteLine($"Control {control?.Path ?? "off"}");
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

    private static string Example(EmbeddedServer server) => server.Models.Models.IsEmpty
        ? $$"""
        Try it:
          curl {{server.Url.GetLeftPart(UriPartial.Authority)}}/v1/embeddings -H 'Content-Type: application/json' \
            -d '{"model": "{{server.Embeddings.Models.First().Card.Model.Name}}", "input": ["你好", "Hello"]}'
        """
        : $$"""
        Try it:
          curl -N {{server.Url.GetLeftPart(UriPartial.Authority)}}/v1/chat/completions -H 'Content-Type: application/json' \
            -d '{"model": "{{server.Models.Models[0].Name}}", "stream": true, "messages": [{"role": "user", "content": "你好"}]}'
        """;
}
