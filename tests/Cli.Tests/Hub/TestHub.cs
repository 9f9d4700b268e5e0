using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Cli.Tests.Hub;

/// <summary>A hub with one model, over real HTTP: its API, its redirect to a second server for large files, and the faults a test asks for.</summary>
internal sealed class TestHub : IAsyncDisposable
{
    public const string Model = "org/tiny-model";
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";

    private readonly Dictionary<string, byte[]> _files = new(StringComparer.Ordinal);
    private WebApplication _api = null!;
    private WebApplication _storage = null!;

    /// <summary>Requests in order: <c>METHOD PATH</c>, and the range where there is one.</summary>
    public ConcurrentQueue<string> Requests { get; } = [];

    /// <summary>Authorization headers that the storage server, which is another host, has seen.</summary>
    public ConcurrentQueue<string> StorageTokens { get; } = [];

    /// <summary>Token without which everything is 401; null: none is needed.</summary>
    public string? Token { get; set; }

    /// <summary>Called before a large file's bytes are sent; true: it has dealt with the request.</summary>
    public Func<HttpContext, byte[], Task<bool>> Fault { get; set; } = (_, _) => Task.FromResult(false);

    /// <summary>Changes the listing.</summary>
    public Func<string, string> Listing { get; set; } = json => json;

    /// <summary>Entries of a page of the listing.</summary>
    public int PageEntries { get; set; } = 2;

    public Uri Url => new(_api.Urls.Single());

    public static async Task<TestHub> StartAsync()
    {
        var hub = new TestHub();
        hub._files["config.json"] = Encoding.UTF8.GetBytes("""{"model_type": "glm"}""");
        hub._files["empty.txt"] = [];
        hub._files["nested/deep/note.txt"] = Encoding.UTF8.GetBytes("你好");
        hub._files["model.safetensors"] = MakeBytes(3_000_000, seed: 1);
        hub._files["pytorch_model.bin"] = MakeBytes(1_000, seed: 2);
        hub._storage = await StartAsync(hub.StoreAsync);
        hub._api = await StartAsync(hub.AnswerAsync);
        return hub;
    }

    public byte[] this[string file] => _files[file];

    public async ValueTask DisposeAsync()
    {
        await _api.DisposeAsync();
        await _storage.DisposeAsync();
    }

    private static byte[] MakeBytes(int count, int seed)
    {
        byte[] bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private static bool IsLarge(string file) => file.EndsWith(".safetensors", StringComparison.Ordinal) || file.EndsWith(".bin", StringComparison.Ordinal);

    private static async Task<WebApplication> StartAsync(RequestDelegate answer)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        WebApplication application = builder.Build();
        application.Run(answer);
        await application.StartAsync();
        return application;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        string path = context.Request.Path.Value!;
        Requests.Enqueue($"GET {path}{context.Request.QueryString}");
        if (Token is not null && context.Request.Headers.Authorization != $"Bearer {Token}")
        {
            context.Response.StatusCode = 401;
        }
        else if (path == $"/api/models/{Model}/revision/main")
        {
            await context.Response.WriteAsync($$"""{"id": "{{Model}}", "sha": "{{Commit}}"}""");
        }
        else if (path == $"/api/models/{Model}/tree/{Commit}")
        {
            await ListAsync(context);
        }
        else if (path.StartsWith($"/{Model}/resolve/{Commit}/", StringComparison.Ordinal) && _files.ContainsKey(FileOf(path)))
        {
            await ResolveAsync(context, FileOf(path));
        }
        else
        {
            context.Response.StatusCode = 404;
        }
    }

    private static string FileOf(string path) => path[$"/{Model}/resolve/{Commit}/".Length..];

    private async Task ListAsync(HttpContext context)
    {
        int first = int.TryParse(context.Request.Query["cursor"], out int cursor) ? cursor : 0;
        object[] entries =
        [
            new { type = "directory", oid = new string('0', 40), size = 0L, path = "nested" },
            .. _files.Select(file => IsLarge(file.Key)
                ? (object)new { type = "file", oid = GitId(file.Value), size = (long)file.Value.Length, path = file.Key, lfs = new { oid = Convert.ToHexStringLower(SHA256.HashData(file.Value)), size = (long)file.Value.Length } }
                : new { type = "file", oid = GitId(file.Value), size = (long)file.Value.Length, path = file.Key }),
        ];
        int next = first + PageEntries;
        if (next < entries.Length)
        {
            context.Response.Headers.Link = $"<{Url}api/models/{Model}/tree/{Commit}?recursive=true&cursor={next}>; rel=\"next\"";
        }

        await context.Response.WriteAsync(Listing(JsonSerializer.Serialize(entries.Skip(first).Take(PageEntries))));
    }

    private static string GitId(byte[] content)
    {
#pragma warning disable CA5350 // git's own
        return Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content]));
#pragma warning restore CA5350
    }

    private async Task ResolveAsync(HttpContext context, string file)
    {
        if (IsLarge(file))
        {
            context.Response.Redirect($"{_storage.Urls.Single()}/{file}");
            return;
        }

        await context.Response.Body.WriteAsync(_files[file]);
    }

    private async Task StoreAsync(HttpContext context)
    {
        byte[] content = _files[context.Request.Path.Value![1..]];
        Requests.Enqueue($"STORE {context.Request.Path} {context.Request.Headers.Range}".Trim());
        if (context.Request.Headers.Authorization.Count > 0)
        {
            StorageTokens.Enqueue(context.Request.Headers.Authorization.ToString());
        }

        if (!await Fault(context, content))
        {
            await Results.Bytes(content, enableRangeProcessing: true).ExecuteAsync(context);
        }
    }

    /// <summary>Sends a part of what was asked for, then cuts the connection.</summary>
    public static async Task CutAsync(HttpContext context, byte[] content, int bytes)
    {
        int offset = context.Request.Headers.Range.Count == 0 ? 0 : int.Parse(context.Request.Headers.Range.ToString()["bytes=".Length..^1], System.Globalization.CultureInfo.InvariantCulture);
        context.Response.ContentLength = content.Length - offset;
        if (offset > 0)
        {
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {offset}-{content.Length - 1}/{content.Length}";
        }

        await context.Response.Body.WriteAsync(content.AsMemory(offset, bytes));
        await context.Response.Body.FlushAsync();
        context.Abort();
    }
}
