using GlmCluster.Gateway.Models;
using Microsoft.AspNetCore.Authorization;

namespace GlmCluster.Gateway.Health;

/// <summary><c>/health</c>: the process is alive. <c>/ready</c>: at least one model can generate, and the process is not about to end.</summary>
internal static class HealthEndpoints
{
    private const string RetrySeconds = "1";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        var anonymous = new AllowAnonymousAttribute();
        endpoints.MapGet("/health", (RequestDelegate)(http => WriteAsync(http, """{"status":"ok"}"""))).WithMetadata(anonymous);
        endpoints.MapGet("/ready", (RequestDelegate)ReadyAsync).WithMetadata(anonymous);
    }

    private static async Task ReadyAsync(HttpContext http)
    {
        var models = http.RequestServices.GetRequiredService<ModelCatalog>();
        bool isDraining = http.RequestServices.GetRequiredService<GatewayDrain>().IsDraining;
        if (!isDraining && (await models.ListAsync(http.RequestAborted)).Length > 0)
        {
            await WriteAsync(http, """{"status":"ready"}""");
            return;
        }

        http.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
        http.Response.Headers.RetryAfter = RetrySeconds;
        await WriteAsync(http, isDraining ? """{"status":"draining"}""" : """{"status":"no model"}""");
    }

    private static Task WriteAsync(HttpContext http, string json)
    {
        http.Response.ContentType = "application/json; charset=utf-8";
        return http.Response.WriteAsync(json, http.RequestAborted);
    }
}
