using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace GlmCluster.Cli.Hub;

/// <summary>Talks to Hugging Face's hub, or to a server that speaks as it does (https://huggingface.co/docs/hub/api).</summary>
/// <param name="http">Must not follow redirects by itself and must have no timeout of its own.</param>
/// <param name="endpoint">The server; may have a path.</param>
/// <param name="token">Sent to that server only, never to where it redirects; null: none.</param>
internal sealed class HubClient(HttpClient http, Uri endpoint, string? token)
{
    private const int MostRedirects = 8;
    private const int MostPages = 1000;
    private const int CommitDigits = 40;
    private const int Sha256Digits = 64;

    /// <summary>How long to wait for an answer, or for the next bytes of one.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Uri _base = new(endpoint.AbsoluteUri.TrimEnd('/') + "/");

    /// <summary>Without <see cref="HttpClient.Timeout"/>: a large file takes as long as it takes.</summary>
    public static HttpClient CreateHttp() =>
        new(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(20) }) { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>The commit that a branch, tag or commit names now.</summary>
    public async Task<string> FindCommitAsync(ModelId model, string revision, CancellationToken cancellationToken)
    {
        string what = $"{model} at revision {revision}";
        using HttpResponseMessage response = await GetAsync(
            new Uri(_base, $"api/models/{model}/revision/{Uri.EscapeDataString(revision)}"), null, what, cancellationToken);
        HubRevision found = await ReadAsync(response, HubJsonContext.Default.HubRevision, cancellationToken);
        return HubFile.IsChecksum(found.Sha, CommitDigits) ? found.Sha! : throw Unexpected("names no commit", what);
    }

    /// <summary>All files of a commit.</summary>
    public async Task<IReadOnlyList<HubFile>> ListAsync(ModelId model, string commit, CancellationToken cancellationToken)
    {
        List<HubFile> files = [];
        Uri? page = new(_base, $"api/models/{model}/tree/{commit}?recursive=true");
        for (int pages = 0; page is not null; pages++)
        {
            if (pages == MostPages)
            {
                throw Unexpected($"lists more than {MostPages} pages of files", model.ToString());
            }

            using HttpResponseMessage response = await GetAsync(page, null, model.ToString(), cancellationToken);
            HubTreeEntry[] entries = await ReadAsync(response, HubJsonContext.Default.HubTreeEntryArray, cancellationToken);
            files.AddRange(entries.Where(entry => entry.Type == "file").Select(entry => ToFile(entry, model)));
            page = NextPage(response) is { } next ? new Uri(page, next) : null;
        }

        return files.Select(file => file.Path).Distinct(StringComparer.OrdinalIgnoreCase).Count() == files.Count
            ? files
            : throw Unexpected("lists a file twice", model.ToString());
    }

    /// <summary>Asks for a file's bytes from an offset on. The answer may still be the whole file: its status says.</summary>
    public Task<HttpResponseMessage> OpenAsync(ModelId model, string commit, HubFile file, long offset, CancellationToken cancellationToken)
    {
        string path = string.Join('/', file.Path.Split('/').Select(Uri.EscapeDataString));
        RangeHeaderValue? range = offset == 0 ? null : new RangeHeaderValue(offset, null);
        return GetAsync(new Uri(_base, $"{model}/resolve/{commit}/{path}"), range, $"{file.Path} of {model}", cancellationToken);
    }

    private async Task<HttpResponseMessage> GetAsync(Uri url, RangeHeaderValue? range, string what, CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(Patience);
        try
        {
            HttpResponseMessage response = await FollowAsync(url, range, patience.Token);
            if (!response.IsSuccessStatusCode && response.StatusCode != HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                using (response)
                {
                    throw Refused(response, what);
                }
            }

            return response;
        }
        catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{url.Host} did not answer within {Patience.TotalSeconds:N0} s.");
        }
    }

    private async Task<HttpResponseMessage> FollowAsync(Uri url, RangeHeaderValue? range, CancellationToken cancellationToken)
    {
        for (int redirects = 0; redirects <= MostRedirects; redirects++)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, url);
            request.Headers.Range = range;
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("GlmCluster", null));
            bool isOurs = url.Scheme == _base.Scheme && url.Authority == _base.Authority;
            request.Headers.Authorization = token is not null && isOurs ? new AuthenticationHeaderValue("Bearer", token) : null;
            HttpResponseMessage response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
            {
                return response;
            }

            response.Dispose();
            var next = new Uri(url, location);
            url = next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && url.Scheme == Uri.UriSchemeHttp)
                ? next
                : throw new HubException($"{url.Host} redirects to {next.Scheme}://{next.Host}, which is not encrypted; that is not followed.");
        }

        throw new HubException($"{_base.Host} redirects more than {MostRedirects} times.");
    }

    private Exception Refused(HttpResponseMessage response, string what)
    {
        int status = (int)response.StatusCode;
        string said = $"{_base.Host} answered {status} {response.ReasonPhrase} for {what}.";
        return status switch
        {
            401 or 403 when token is null => new HubException(
                $"{said} It does not exist, or needs a token: set HF_TOKEN (or GLM_HUB_TOKEN, or hub-token in glm.json)."),
            401 or 403 => new HubException($"{said} The token may not read it: accept the model's terms on its page, or use another token."),
            404 => new HubException($"{said} Check the model's name and its revision."),
            408 or 429 or >= 500 => new HubBusyException(said, response.Headers.RetryAfter?.Delta),
            _ => new HubException(said),
        };
    }

    private HubFile ToFile(HubTreeEntry entry, ModelId model)
    {
        if (!HubFile.IsSafePath(entry.Path))
        {
            throw Unexpected($"lists a file \"{entry.Path}\", whose name is not safe", model.ToString());
        }

        bool isLarge = entry.Lfs is not null;
        string? checksum = isLarge ? entry.Lfs!.Oid : entry.Oid;
        long byteLength = isLarge ? entry.Lfs!.Size : entry.Size;
        return HubFile.IsChecksum(checksum, isLarge ? Sha256Digits : CommitDigits) && byteLength >= 0
            ? new HubFile(entry.Path!, byteLength, checksum!, isLarge)
            : throw Unexpected($"gives no checksum or size of {entry.Path}", model.ToString());
    }

    /// <summary>From <c>Link: &lt;URL&gt;; rel="next"</c> (RFC 8288), where it stays on this server.</summary>
    private string? NextPage(HttpResponseMessage response)
    {
        string? link = response.Headers.TryGetValues("Link", out IEnumerable<string>? values)
            ? values.SelectMany(value => value.Split(',')).FirstOrDefault(value => value.Contains("rel=\"next\"", StringComparison.Ordinal))
            : null;
        string? url = link?.Split('<', '>') is [_, var target, ..] ? target : null;
        return url is null || new Uri(_base, url).Authority == _base.Authority ? url : throw Unexpected("continues its list on another server", url);
    }

    private static async Task<T> ReadAsync<T>(HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellationToken)
        where T : class
    {
        try
        {
            await using Stream body = await response.Content.ReadAsStreamAsync(cancellationToken);
            return await JsonSerializer.DeserializeAsync(body, type, cancellationToken) ?? throw new JsonException("It is null.");
        }
        catch (JsonException error)
        {
            throw new HubException($"{response.RequestMessage!.RequestUri!.Host} answered something that is no list of files: {error.Message}", error);
        }
    }

    private HubException Unexpected(string problem, string what) => new($"{_base.Host} {problem} ({what}). Is it a Hugging Face-compatible server?");
}
