using System.Net;
using System.Net.Sockets;
using GlmCluster.Cli.Settings;
using GlmCluster.Silo.Loading;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Serving;

/// <summary>How every server of the program listens and logs.</summary>
internal static class WebServer
{
    private const double SlowReaderBytesPerSecond = 240;

    private static readonly TimeSpan ShutdownTimeout = TimeSpan.FromSeconds(5);

    /// <summary>A web application that reads no files and no environment of the framework's own: settings come from one place.</summary>
    public static WebApplicationBuilder CreateBuilder(ServeSettings settings, Action<KestrelServerOptions> listen)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        ConfigureLogging(builder.Logging, settings);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            listen(kestrel);
        });
        // Nothing of ours blocks, so what is flushed is sent by the thread that flushes, without a task for it.
        builder.Services.Configure<SocketTransportOptions>(sockets => sockets.UnsafePreferInlineScheduling = true);
        builder.Services.AddRoutingCore();
        builder.Services.Replace(ServiceDescriptor.Singleton<IHostLifetime, SignalsAreForCommands>());
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = ShutdownTimeout);
        return builder;
    }

    /// <summary>Listens where clients ask.</summary>
    public static void ListenForClients(KestrelServerOptions kestrel, ServeSettings settings)
    {
        // What waits for a client is bounded (Kestrel's buffer, 64 KB, beside the log, which is there in any case); how long it waits is too.
        kestrel.Limits.MinResponseDataRate = new MinDataRate(SlowReaderBytesPerSecond, settings.SlowReaderTimeout);
        if (settings.Host != "localhost")
        {
            kestrel.Listen(IPAddress.Parse(settings.Host), settings.Port);
        }
        else if (settings.Port == 0)
        {
            kestrel.Listen(IPAddress.Loopback, 0); // one free port for both address families cannot be had
        }
        else
        {
            kestrel.ListenLocalhost(settings.Port);
        }
    }

    /// <exception cref="ImpossibleSettingException">It cannot be listened there.</exception>
    public static async Task StartAsync(WebApplication application, string host, int port, string prefix, CancellationToken cancellationToken)
    {
        try
        {
            await application.StartAsync(cancellationToken);
        }
        catch (IOException inUse) when (inUse.InnerException is AddressInUseException)
        {
            throw new ImpossibleSettingException(
                $"{prefix}port {port} on {host} is in use; is another server running? Stop it, or choose another with --{prefix}port.");
        }
        catch (SocketException refused)
        {
            throw new ImpossibleSettingException(
                $"{prefix}host {host} and {prefix}port {port} cannot be listened on: {refused.Message}. "
                + $"Choose others with --{prefix}host and --{prefix}port.");
        }
    }

    /// <summary>Logs go to standard error, one line each: standard output is for people.</summary>
    public static void ConfigureLogging(ILoggingBuilder logging, ServeSettings settings) =>
        logging
            .SetMinimumLevel(settings.LogLevel)
            .AddFilter("Microsoft", settings.LogLevel > LogLevel.Warning ? settings.LogLevel : LogLevel.Warning)
            // What stops the start is thrown too, and reported without a stack trace.
            .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical)
            .AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.TimestampFormat = "HH:mm:ss ";
            })
            .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);

    /// <summary>The framework's own lifetime would stop the application at the first signal; commands decide when.</summary>
    private sealed class SignalsAreForCommands : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
