using System.Net;
using GlmCluster.Cli.Serving;
using GlmCluster.Cli.Settings;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace GlmCluster.Cli.Cluster;

/// <summary>A silo's <c>/health</c>, the process is alive, and <c>/ready</c>, its model takes work. Over HTTP/1.1, which probes speak; the live path does not.</summary>
internal sealed class SiloHealth : IAsyncDisposable
{
    private readonly WebApplication _application;
    private volatile bool _isReady;

    private SiloHealth(WebApplication application) => _application = application;

    public bool IsReady
    {
        get => _isReady;
        set => _isReady = value;
    }

    /// <summary>Where it listens.</summary>
    public Uri Url => new(_application.Urls.First());

    /// <exception cref="Silo.Loading.ImpossibleSettingException">It cannot be listened there.</exception>
    public static async Task<SiloHealth> StartAsync(ServeSettings settings, CancellationToken cancellationToken)
    {
        WebApplication application = WebServer
            .CreateBuilder(settings, kestrel => kestrel.Listen(IPAddress.Parse(settings.LiveHost), settings.HealthPort)).Build();
        var health = new SiloHealth(application);
        application.MapGet("/health", (RequestDelegate)(http => http.Response.WriteAsync("""{"status":"ok"}""", http.RequestAborted)));
        application.MapGet("/ready", (RequestDelegate)health.WriteReadyAsync);
        await WebServer.StartAsync(application, settings.LiveHost, settings.HealthPort, prefix: "health-", cancellationToken);
        return health;
    }

    public ValueTask DisposeAsync() => _application.DisposeAsync();

    private Task WriteReadyAsync(HttpContext http)
    {
        http.Response.StatusCode = IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        http.Response.ContentType = "application/json; charset=utf-8";
        return http.Response.WriteAsync(IsReady ? """{"status":"ready"}""" : """{"status":"not ready"}""", http.RequestAborted);
    }
}
