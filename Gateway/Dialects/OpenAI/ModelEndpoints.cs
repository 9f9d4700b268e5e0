using System.Collections.Immutable;
using GlmCluster.Gateway.Models;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary><c>/v1/models</c>: what can be asked for now.</summary>
internal sealed class ModelEndpoints(ModelCatalog models)
{
    public void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/models", (RequestDelegate)ListAsync);
        routes.MapGet("/v1/models/{**id}", (RequestDelegate)GetAsync); // names may have slashes
    }

    private async Task ListAsync(HttpContext http)
    {
        ImmutableArray<(string Name, ServedModel Model)> served = await models.ListAsync(http.RequestAborted);
        var list = new ModelList("list", [.. served.Select(named => Describe(named.Name, named.Model.Card))]);
        await OpenAIJson.WriteAsync(http.Response, list, OpenAIJson.Context.ModelList, http.RequestAborted);
    }

    private async Task GetAsync(HttpContext http)
    {
        string name = (string?)http.Request.RouteValues["id"] ?? "";
        if (await models.FindAsync(name, null, http.RequestAborted) is { } model)
        {
            await OpenAIJson.WriteAsync(http.Response, Describe(name, model.Card), OpenAIJson.Context.ModelObject, http.RequestAborted);
            return;
        }

        await OpenAIError.From(await models.RefuseAsync(name, http.RequestAborted)).WriteAsync(http.Response, http.RequestAborted);
    }

    /// <param name="name">The model's own, or an alias; <c>root</c> tells them apart.</param>
    private static ModelObject Describe(string name, ModelCard card) => new(
        name,
        "model",
        card.PublishedAt.ToUnixTimeSeconds(),
        "glmcluster",
        card.Model.Name,
        null,
        [],
        card.ContextTokens);
}
