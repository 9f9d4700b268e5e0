using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Callers;
using GlmCluster.Gateway.Dialects.Conversations;
using GlmCluster.Gateway.Dialects.OpenAI;
using GlmCluster.Gateway.Dialects.OpenAI.Embeddings;
using GlmCluster.Gateway.Health;
using GlmCluster.Gateway.Models;
using GlmCluster.Gateway.Streaming;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace GlmCluster.Gateway;

/// <summary>Puts the gateway into a web application.</summary>
public static class GatewayServices
{
    /// <summary>
    /// Adds the gateway. The application also registers an <c>IGenerationClient</c>, an <c>IConversationStore</c>, an
    /// <c>IModelDirectory</c> and an <c>IEmbedder</c>, and a <see cref="TimeProvider"/> unless the system's will do.
    /// </summary>
    /// <exception cref="OptionsValidationException">An option is out of its range.</exception>
    public static IServiceCollection AddGateway(this IServiceCollection services, GatewayOptions options)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(options);
        ValidateOptionsResult validation = new GatewayOptionsValidator().Validate(GatewayOptions.SectionName, options);
        if (validation.Failed)
        {
            throw new OptionsValidationException(GatewayOptions.SectionName, typeof(GatewayOptions), validation.Failures);
        }

        services.TryAddSingleton(TimeProvider.System);
        return services
            .AddSingleton(options)
            .AddSingleton<ApiKeyRing>()
            .AddSingleton<GatewayDrain>()
            .AddSingleton<ModelCatalog>()
            .AddHostedService<ModelPrefetcher>()
            .AddSingleton<GenerationAdmission>()
            .AddSingleton<GenerationResponder>()
            .AddSingleton<OpenAIEndpoints>()
            .AddSingleton<EmbeddingsEndpoint>()
            .AddSingleton<ModelEndpoints>()
            .AddSingleton<ConversationEndpoints>();
    }

    /// <summary>Adds the gateway's middleware and endpoints. Answers every path: unknown ones with an error that clients can read.</summary>
    public static WebApplication MapGateway(this WebApplication application)
    {
        ArgumentNullException.ThrowIfNull(application);
        GatewayDrain drain = application.Services.GetRequiredService<GatewayDrain>();
        application.Use(drain.CountAsync);
        application.UseMiddleware<FaultBarrier>();
        application.UseMiddleware<CallerMiddleware>();
        HealthEndpoints.Map(application);
        application.Services.GetRequiredService<OpenAIEndpoints>().Map(application);
        application.Services.GetRequiredService<EmbeddingsEndpoint>().Map(application);
        application.Services.GetRequiredService<ModelEndpoints>().Map(application);
        application.Services.GetRequiredService<ConversationEndpoints>().Map(application);
        return application;
    }
}
