using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Callers;
using GlmCluster.Gateway.Models;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI.Embeddings;

/// <summary><c>POST /v1/embeddings</c>: vectors of texts.</summary>
internal sealed class EmbeddingsEndpoint(GatewayOptions options, ModelCatalog models, IEmbedder embedder)
{
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromDays(1);

    public void Map(IEndpointRouteBuilder routes) => routes.MapPost("/v1/embeddings", (RequestDelegate)EmbedAsync);

    private async Task EmbedAsync(HttpContext http)
    {
        BodyResult<EmbeddingsRequest> body = await OpenAIBody.ReadAsync(http, OpenAIJson.Context.EmbeddingsRequest, options, http.RequestAborted);
        OpenAIError? error = body.Error ?? Check(body.Value!) ?? await AnswerAsync(http, body.Value!);
        if (error is not null)
        {
            await error.WriteAsync(http.Response, http.RequestAborted);
        }
    }

    private static OpenAIError? Check(EmbeddingsRequest request)
    {
        if (request.Input is null)
        {
            return OpenAIError.Invalid("'input' is missing: a string, an array of strings, or token ids.", "input", "missing_required_parameter");
        }

        return SamplingMapper.Require(request.EncodingFormat is null or "float" or "base64", "encoding_format", "\"float\" (the default) or \"base64\"")
            ?? SamplingMapper.Require(
                request.Timeout is not { } seconds || (seconds > 0 && seconds <= LongestTimeout.TotalSeconds), "timeout", "more than 0, up to 86400 seconds");
    }

    /// <returns>What went wrong; null: the answer was written.</returns>
    private async Task<OpenAIError?> AnswerAsync(HttpContext http, EmbeddingsRequest request)
    {
        (ServedModel? found, OpenAIError? error) = await FindModelAsync(request.Model, http.RequestAborted);
        if (found is not { Card.Embedding: { } embedding } model)
        {
            return error;
        }

        if (request.Dimensions is { } dimensions && (dimensions < 1 || dimensions > embedding.Dimensions))
        {
            return OpenAIError.Invalid(
                $"'dimensions' is {dimensions}; vectors of '{model.Card.Model.Name}' have {embedding.Dimensions} numbers, of which the first 1 to all may be had.",
                "dimensions");
        }

        (ImmutableArray<ImmutableArray<int>> texts, error) =
            EmbeddingTexts.Encode(request.Input!.Value, model, request.Truncate ?? options.TruncatesEmbeddings);
        if (error is not null)
        {
            return error;
        }

        switch (await AskAsync(new EmbeddingRequest(model.Card.Model, CallerFeature.Of(http), texts), request.Timeout, http.RequestAborted))
        {
            case Embedded embedded:
                string name = request.Model ?? model.Card.Model.Name;
                int tokens = texts.Sum(text => text.Length);
                await EmbeddingsWire.WriteAsync(
                    http.Response, name, embedded.Vectors, request.Dimensions, embedding.Normalizes, request.EncodingFormat == "base64", tokens, http.RequestAborted);
                return null;
            case EmbeddingRefused refused:
                return OpenAIError.From(Refusal.From(refused.Fault));
            case var other:
                throw new InvalidOperationException($"Unknown outcome {other.GetType().Name}.");
        }
    }

    /// <summary>Finds the model; with an error where it cannot be used.</summary>
    private async Task<(ServedModel? Model, OpenAIError? Error)> FindModelAsync(string? name, CancellationToken cancellationToken)
    {
        if (name is null)
        {
            ImmutableArray<(string Name, ServedModel Model)> all = await models.ListAsync(cancellationToken);
            ServedModel[] candidates = [.. all.Select(entry => entry.Model).Where(model => model.Card.Embedding is not null).DistinctBy(model => model.Card.Model)];
            return candidates is [var only]
                ? (only, null)
                : (null, OpenAIError.Invalid($"'model' is missing, and there are {candidates.Length} embedding models here. GET /v1/models lists them.", "model"));
        }

        ServedModel? found = await models.FindAsync(name, null, cancellationToken);
        return found switch
        {
            null => (null, OpenAIError.From(await models.RefuseAsync(name, cancellationToken))),
            { Card.Embedding: null } => (null, OpenAIError.Invalid($"The model '{name}' generates text and makes no embeddings.", "model")),
            _ => (found, null),
        };
    }

    private async Task<EmbeddingOutcome> AskAsync(EmbeddingRequest request, double? timeout, CancellationToken aborted)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        if (timeout is { } seconds)
        {
            deadline.CancelAfter(TimeSpan.FromSeconds(seconds));
        }

        try
        {
            return await embedder.EmbedAsync(request, deadline.Token);
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !aborted.IsCancellationRequested)
        {
            string message = string.Create(
                CultureInfo.InvariantCulture, $"The vectors were not there after {timeout} seconds, the request's 'timeout'. Raise it, or send fewer texts.");
            return new EmbeddingRefused(new GenerationFault(GenerationFaultCode.DeadlineExceeded, message));
        }
    }
}
