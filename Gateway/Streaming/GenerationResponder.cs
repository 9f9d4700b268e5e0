using GlmCluster.Gateway.Admissions;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Streaming;

/// <summary>Serves one generation to one client, whole or as a stream, in a dialect's form.</summary>
/// <remarks>The first event is read before the status line is sent, so a refusal has a status code of its own.</remarks>
internal sealed class GenerationResponder(
    IGenerationClient generations,
    GatewayOptions options,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<GenerationResponder> logger)
{
    private static readonly Refusal Stopping = new(
        GenerationFaultCode.Unavailable,
        "The server is stopping. Ask again; a stream goes on with its Last-Event-ID.",
        RetryAfter: TimeSpan.FromSeconds(5));

    private static readonly Refusal InternalFault = new(
        GenerationFaultCode.Internal, "The server failed. The cause is in its log.");

    /// <summary>Admits or finds a generation and sends its answer when it is complete.</summary>
    public async Task SendAnswerAsync(HttpContext http, IDialect dialect, Func<CancellationToken, ValueTask<AdmissionResult>> admit)
    {
        using var tokens = new RequestTokens(http, lifetime);
        try
        {
            OpenResult opened = await OpenAsync(admit, tokens.Generation);
            if (opened.Generation is not { } generation)
            {
                await dialect.WriteRefusalAsync(http.Response, opened.Refusal!, tokens.Aborted);
                return;
            }

            await using (generation)
            {
                var reading = new GenerationReading(generation.Served, dialect);
                GenerationEnd end = await ReadToEndAsync(generation, reading);
                await dialect.WriteAnswerAsync(http.Response, generation.Served, reading.Finish(end), end, tokens.Aborted);
            }
        }
        catch (OperationCanceledException) when (tokens.IsStopping)
        {
            await dialect.WriteRefusalAsync(http.Response, Stopping, tokens.Aborted);
        }
    }

    /// <summary>Admits or finds a generation and streams what the client does not have yet.</summary>
    public async Task SendStreamAsync(
        HttpContext http, IDialect dialect, StreamPosition after, Func<CancellationToken, ValueTask<AdmissionResult>> admit)
    {
        using var tokens = new RequestTokens(http, lifetime);
        Task<OpenResult> opening = OpenAsync(admit, tokens.Generation);
        SseResponse? sse = null;
        try
        {
            if (!await EndsSoonAsync(opening))
            {
                sse = StartStream(http, tokens);
                sse.WritePing();
                await sse.FlushAndWaitAsync(new ValueTask<OpenResult>(opening));
            }

            OpenResult opened = await opening;
            if (opened.Refusal is { } refusal)
            {
                await RefuseAsync(http, dialect, sse, refusal, tokens.Aborted);
                return;
            }

            OpenGeneration generation = opened.Generation!;
            sse ??= StartStream(http, tokens);
            using IStreamForm form = dialect.OpenStream(generation.Served, after);
            await PumpAsync(generation, new GenerationReading(generation.Served, dialect), form, sse);
        }
        catch (OperationCanceledException) when (tokens.IsStopping)
        {
            await RefuseAsync(http, dialect, sse, Stopping, tokens.Aborted);
        }
        catch (Exception exception) when (sse is not null && !tokens.Aborted.IsCancellationRequested)
        {
            // The status line is gone, so the failure becomes an event: a stream never just stops.
            logger.StreamFailed(exception);
            dialect.WriteFault(sse.Output, InternalFault);
        }
        finally
        {
            await CloseAsync(opening, sse);
        }
    }

    private async Task<OpenResult> OpenAsync(
        Func<CancellationToken, ValueTask<AdmissionResult>> admit, CancellationToken generationToken)
    {
        AdmissionResult admitted = await admit(generationToken);
        if (admitted.Generation is not { } served)
        {
            return new OpenResult(null, admitted.Refusal);
        }

        var generation = new OpenGeneration(
            served, generations.ReadAsync(served.Request.Id, generationToken).GetAsyncEnumerator(generationToken));
        try
        {
            await generation.ReadFirstAsync();
        }
        catch
        {
            await generation.DisposeAsync();
            throw;
        }

        if (generation.Events.Current is not GenerationEnded { End.Fault: { } fault })
        {
            return new OpenResult(generation, null);
        }

        await generation.DisposeAsync();
        return new OpenResult(null, Refusal.From(fault));
    }

    private async Task<bool> EndsSoonAsync(Task<OpenResult> opening)
    {
        using var elapsed = new CancellationTokenSource();
        Task first = await Task.WhenAny(opening, Task.Delay(options.HeadersAfter, time, elapsed.Token));
        await elapsed.CancelAsync();
        return first == opening;
    }

    private SseResponse StartStream(HttpContext http, RequestTokens tokens) =>
        SseResponse.Start(http.Response, time, options, tokens.Aborted);

    private static async Task RefuseAsync(
        HttpContext http, IDialect dialect, SseResponse? sse, Refusal refusal, CancellationToken aborted)
    {
        if (sse is null)
        {
            await dialect.WriteRefusalAsync(http.Response, refusal, aborted);
            return;
        }

        dialect.WriteFault(sse.Output, refusal);
    }

    /// <remarks>The generation first: it must leave the batch although the client may be slow to take the rest.</remarks>
    private static async Task CloseAsync(Task<OpenResult> opening, SseResponse? sse)
    {
        try
        {
            if (opening.IsCompletedSuccessfully && (await opening).Generation is { } generation)
            {
                await generation.DisposeAsync();
            }
        }
        finally
        {
            if (sse is not null)
            {
                await sse.DisposeAsync();
            }
        }
    }

    private static async Task PumpAsync(OpenGeneration generation, GenerationReading reading, IStreamForm form, SseResponse sse)
    {
        IAsyncEnumerator<GenerationEvent> events = generation.Events;
        form.WriteStart(sse.Output);
        while (true)
        {
            if (events.Current is GenerationEnded ended)
            {
                reading.WriteEnd(form, sse.Output, ended.End);
                return;
            }

            reading.Write((TokensAppended)events.Current, form, sse.Output);

            // What is there already is sent together; a flush also waits for a slow client, and the engine does not notice.
            ValueTask<bool> next = events.MoveNextAsync();
            bool more = next.IsCompleted && sse.HasRoom ? await next : await sse.FlushAndWaitAsync(next);
            if (!more)
            {
                throw new InvalidOperationException("A generation's events stopped before its end.");
            }
        }
    }

    private static async Task<GenerationEnd> ReadToEndAsync(OpenGeneration generation, GenerationReading reading)
    {
        do
        {
            switch (generation.Events.Current)
            {
                case TokensAppended tokens:
                    reading.Collect(tokens);
                    break;
                case GenerationEnded ended:
                    return ended.End;
            }
        }
        while (await generation.Events.MoveNextAsync());

        throw new InvalidOperationException("A generation's events stopped before its end.");
    }
}
