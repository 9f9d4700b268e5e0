using System.Globalization;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Dialects.OpenAI;

/// <summary>An error in OpenAI's form, and the only place where outcomes get their status codes.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="Type">Kind, as OpenAI's documents name them.</param>
/// <param name="Code">Stable name for programs; null: none.</param>
/// <param name="Message">For people: the value, the limit, the remedy.</param>
/// <param name="Param">Field or header at fault; null: none.</param>
/// <param name="RetryAfter">When to try again; null: not said.</param>
internal sealed record OpenAIError(
    int Status, string Type, string? Code, string Message, string? Param = null, TimeSpan? RetryAfter = null)
{
    private const string InvalidRequest = "invalid_request_error";
    private const string RateLimit = "rate_limit_error";
    private const string Server = "server_error";

    private static readonly TimeSpan ShortWait = TimeSpan.FromSeconds(1);

    /// <summary>Maps what admission or a generation came back with.</summary>
    public static OpenAIError From(Refusal refusal)
    {
        string message = refusal.Message;
        return refusal.Code switch
        {
            null => new(400, InvalidRequest, "invalid_value", message, refusal.Param),
            GenerationFaultCode.UnknownModel => new(404, InvalidRequest, "model_not_found", message, "model"),
            GenerationFaultCode.UnknownConversation =>
                new(404, InvalidRequest, "conversation_not_found", message, "conversation_id"),
            GenerationFaultCode.ConversationBusy =>
                new(409, InvalidRequest, "conversation_busy", message, "conversation_id", refusal.RetryAfter),
            GenerationFaultCode.ConversationMoved =>
                new(409, InvalidRequest, "conversation_moved", message, "conversation_id", refusal.RetryAfter),
            // 400 and not 409: the official clients repeat a 409, which cannot help here.
            GenerationFaultCode.IdempotencyMismatch =>
                new(400, InvalidRequest, "idempotency_mismatch", message, "Idempotency-Key"),
            GenerationFaultCode.PromptTooLong => new(400, InvalidRequest, "context_length_exceeded", message, refusal.Param),
            GenerationFaultCode.Overloaded => new(429, RateLimit, "overloaded", message, null, refusal.RetryAfter ?? ShortWait),
            GenerationFaultCode.Unavailable => new(503, Server, "unavailable", message, null, refusal.RetryAfter ?? ShortWait),
            GenerationFaultCode.WorkerLost => new(503, Server, "worker_lost", message, null, refusal.RetryAfter ?? ShortWait),
            GenerationFaultCode.DeadlineExceeded => new(504, Server, "deadline_exceeded", message, "timeout"),
            GenerationFaultCode.Internal or _ => new(500, Server, "internal_error", message),
        };
    }

    /// <summary>A field or header whose value cannot be used.</summary>
    public static OpenAIError Invalid(string message, string? param, string code = "invalid_value") =>
        new(400, InvalidRequest, code, message, param);

    /// <summary>A generation that is not there, or belongs to someone else.</summary>
    public static OpenAIError UnknownGeneration(string id) =>
        new(404, InvalidRequest, "generation_not_found", $"There is no generation '{id}' of yours, or it is no longer kept.");

    /// <summary>Maps an end that left no answer; null where there is one.</summary>
    public static OpenAIError? FromEnd(GenerationEnd end) => end.Reason switch
    {
        EndReason.Failed => From(Refusal.From(end.Fault!)),
        EndReason.Cancelled => new(409, InvalidRequest, "generation_cancelled", "The generation was cancelled."),
        _ => null,
    };

    public static OpenAIError Unauthorized(bool missing) => new(401, InvalidRequest, "invalid_api_key", missing
        ? "No API key was sent. Send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'."
        : "The API key is not known here.");

    /// <summary>What is said of a bare status, so that even these answers have a body that clients can read.</summary>
    public static OpenAIError FromStatus(int status, HttpRequest request, GatewayOptions options) => status switch
    {
        404 => new(404, InvalidRequest, "unknown_url", $"Unknown request URL: {request.Method} {request.Path}."),
        405 => new(405, InvalidRequest, "method_not_allowed", $"{request.Path} does not take {request.Method}."),
        408 => new(408, InvalidRequest, "request_timeout", "The request body arrived too slowly."),
        413 => new(413, InvalidRequest, "request_too_large",
            $"The request body is larger than {options.MaxRequestBytes.ToString("N0", CultureInfo.InvariantCulture)} bytes."),
        415 => new(415, InvalidRequest, "unsupported_media_type", "The body must be sent with 'Content-Type: application/json'."),
        < 500 => new(status, InvalidRequest, null, "The request cannot be read."),
        _ => new(status, Server, "internal_error", "The server failed. The cause is in its log."),
    };

    /// <summary>Sends it as the whole answer.</summary>
    public async Task WriteAsync(HttpResponse response, CancellationToken aborted)
    {
        response.StatusCode = Status;
        if (RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString("F0", CultureInfo.InvariantCulture);
        }

        await OpenAIJson.WriteAsync(response, ToWire(), OpenAIJson.Context.ErrorBody, aborted);
    }

    /// <summary><c>detail</c> repeats the message for clients of ChatGLM3's own server.</summary>
    public ErrorBody ToWire() => new(new ErrorObject(Message, Type, Param, Code), Message);
}
