using System.Net;
using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace GlmCluster.Cli.Chaos;

/// <summary>A client that never gives up: it asks again with its <c>Idempotency-Key</c> and goes on with streams at any gateway.</summary>
/// <param name="gateways">Where it may ask.</param>
/// <param name="random">Chooses gateways and when to break off.</param>
internal sealed class ChaosClient(IReadOnlyList<Uri> gateways, Random random) : IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>A gateway that is silent for so long is left.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(6);

    private static readonly TimeSpan MostTime = TimeSpan.FromMinutes(2);

    /// <summary>For an answer that is not there when the disturbances end.</summary>
    private static readonly TimeSpan MostTimeAfter = TimeSpan.FromSeconds(30);

    private readonly HttpClient _http = new(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), PooledConnectionLifetime = TimeSpan.FromSeconds(5) })
    {
        Timeout = Timeout.InfiniteTimeSpan,
    };

    /// <summary>Times that it went on elsewhere or asked again.</summary>
    public int Returns { get; private set; }

    public void Dispose() => _http.Dispose();

    /// <summary>Gets one answer, whatever happens on the way.</summary>
    /// <param name="body">Of the request, without <c>stream</c>.</param>
    /// <param name="streams">Whether to read a stream.</param>
    /// <param name="leaves">Whether to break off now and then.</param>
    /// <param name="calm">Fires when nothing disturbs any more.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public async Task<Delivery> AskAsync(JsonObject body, bool streams, bool leaves, CancellationToken calm, CancellationToken cancellationToken)
    {
        var delivery = new Delivery();
        var request = new Attempt(body, streams, Convert.ToHexString(Bytes(8)));
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(MostTime);
        await using CancellationTokenRegistration _ = calm.Register(() => limit.CancelAfter(MostTimeAfter));
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                if (await TryAsync(request, delivery, leaves && random.Next(2) == 0 ? random.Next(1, 60) : int.MaxValue, limit.Token))
                {
                    return delivery;
                }
            }
            catch (Exception broken) when (broken is HttpRequestException or IOException or OperationCanceledException or TimeoutException
                && !limit.IsCancellationRequested)
            {
                // The gateway or the way to it is gone: another one goes on.
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                delivery.Error = $"It did not end in time; there were {attempt + 1} attempts.";
                return delivery;
            }

            Returns++;
            await Task.Delay(Pause, cancellationToken);
        }
    }

    /// <summary>Reads a path of any gateway as JSON.</summary>
    public async Task<JsonNode?> GetAsync(string path, CancellationToken cancellationToken)
    {
        using HttpResponseMessage response = await _http.GetAsync(new Uri(gateways[random.Next(gateways.Count)], path), cancellationToken);
        return response.IsSuccessStatusCode ? JsonNode.Parse(await response.Content.ReadAsStreamAsync(cancellationToken)) : null;
    }

    /// <returns>False: it is to be tried again.</returns>
    private async Task<bool> TryAsync(Attempt request, Delivery delivery, int mostEvents, CancellationToken cancellationToken)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        silence.CancelAfter(request.Streams ? Silence : 5 * Silence);
        using HttpRequestMessage message = request.ToMessage(gateways[random.Next(gateways.Count)]);
        using HttpResponseMessage response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, silence.Token);
        if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout)
        {
            return false;
        }

        if (!request.Streams || !response.IsSuccessStatusCode)
        {
            delivery.Add(JsonNode.Parse(await response.Content.ReadAsStringAsync(silence.Token)) ?? new JsonObject());
            return true;
        }

        await using Stream stream = await response.Content.ReadAsStreamAsync(silence.Token);
        await foreach (SseItem<string> item in SseParser.Create(stream).EnumerateAsync(silence.Token))
        {
            silence.CancelAfter(Silence);
            if (item.Data == "[DONE]")
            {
                return true;
            }

            delivery.Add(JsonNode.Parse(item.Data)!);
            request.LastEventId = item.EventId ?? request.LastEventId;
            if (delivery.Error is not null)
            {
                return request.LastEventId is not null || !delivery.TryForgetRefusal();
            }

            if (--mostEvents == 0)
            {
                return false;
            }
        }

        return false;
    }

    private byte[] Bytes(int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>What is asked, and how much of the answer has come.</summary>
    private sealed class Attempt(JsonObject body, bool streams, string key)
    {
        public bool Streams => streams;

        public string? LastEventId { get; set; }

        public HttpRequestMessage ToMessage(Uri gateway)
        {
            var url = new Uri(gateway, "/v1/chat/completions");
            if (LastEventId is { } last)
            {
                var resume = new HttpRequestMessage(HttpMethod.Get, $"{url}/{last.Split(':')[0]}");
                resume.Headers.Add("Last-Event-ID", last);
                resume.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
                return resume;
            }

            var whole = (JsonObject)body.DeepClone();
            whole["stream"] = streams;
            if (streams)
            {
                whole["stream_options"] = new JsonObject { ["include_usage"] = true };
            }

            var request = new HttpRequestMessage(HttpMethod.Post, url)
            {
                Content = new StringContent(whole.ToJsonString(JsonSerializerOptions.Default), Encoding.UTF8, "application/json"),
            };
            request.Headers.Add("Idempotency-Key", key);
            return request;
        }
    }
}
