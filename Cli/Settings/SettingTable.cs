using System.Globalization;
using System.Net;
using GlmCluster.Cli.Control;
using GlmCluster.Engine.Decoding;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Cli.Settings;

/// <summary>Every setting of the server, in the order help shows them.</summary>
internal static class SettingTable
{
    private const string Auto = "auto";

    private static readonly string[] KvNames = [Auto, .. KvFormats.ByName.Keys];

    private static readonly string[] WeightNames = [Auto, .. WeightFormats.ByName.Keys];

    public static IReadOnlyList<Setting> All { get; } =
    [
        Of("model", "FOLDER", "Hugging Face GLM folder; NAME=FOLDER names it. Several times for several models.", "the bundled glm-nano", "a folder, or NAME=FOLDER",
            (s, v) => ModelText.Read(v) is { } model ? s with { Models = s.Models.Add(model) } : null,
            s => string.Join(',', s.Models.Select(model => model.Name is null ? model.Folder : $"{model.Name}={model.Folder}"))) with
        {
            TakesMany = true,
        },
        Of("models", "LIST", "Several models, each with settings of its own.", "none", "a list of folders or objects",
            (s, v) => s with { Models = [.. s.Models, .. ModelText.ReadList(v)] }, s => s.Models.Length.ToString(CultureInfo.InvariantCulture)) with
        {
            TakesMany = true,
            IsOption = false,
        },
        Of("model-name", "NAME", "Name the model is served under.", "the folder's name", "a name of at most 200 characters",
            (s, v) => ModelText.IsName(v.Text) ? s with { ModelNameOverride = v.Text } : null, s => s.ModelName),
        Of("aliases", "NAME=MODEL", "Other names of models, with commas between them; MODEL@HASH chooses among weights by the beginning of their hash.", "none",
            "NAME=MODEL or NAME=MODEL@HASH (4 hex digits or more), several with commas between them",
            (s, v) => AliasText.Add(s.Aliases, v.Text) is { } aliases ? s with { Aliases = aliases } : null, s => AliasText.Show(s.Aliases)) with
        {
            TakesMany = true,
        },
        Of("embedding-model", "FOLDER", "Embedding model that is served beside, unless one of the models is one; none serves none.", "the bundled nano-embed", "a folder, or none",
            (s, v) => v.Text == "none" ? s with { EmbeddingModelFolder = null } : v.AsPath() is { } path ? s with { EmbeddingModelFolder = path } : null,
            s => s.EmbeddingModelFolder ?? "none"),
        Of("long-embeddings", "cut|refuse", "What happens to a text to embed that is longer than its model takes, where the request does not say.", "cut", "cut, refuse",
            (s, v) => v.Text is "cut" or "refuse" ? s with { CutsLongEmbeddings = v.Text == "cut" } : null, s => s.CutsLongEmbeddings ? "cut" : "refuse"),
        Of("host", "ADDRESS", "Address to listen on; 0.0.0.0 is every network.", "127.0.0.1", "an IP address or localhost",
            (s, v) => v.Text == "localhost" || IPAddress.TryParse(v.Text, out _) ? s with { Host = v.Text } : null, s => s.Host),
        Integer("port", "PORT", "Port to listen on; 0 takes a free one.", "8000", 0, 65_535,
            (s, value) => s with { Port = value }, s => s.Port),
        Integer("threads", "N", "Threads of the arithmetic.", "the processors this process may use", 1, 1_024,
            (s, value) => s with { Threads = value }, s => s.Threads),
        Of("weights", string.Join('|', WeightNames), "How weights are held: auto is f32 while that is small, else int8.", Auto, string.Join(", ", WeightNames),
            (s, v) => v.Text == Auto ? s with { Weights = null }
                : WeightFormats.ByName.TryGetValue(v.Text, out WeightFormat format) ? s with { Weights = format } : null,
            s => s.Weights?.Name() ?? Auto),
        Of("kv-format", string.Join('|', KvNames), "How keys and values are held: auto is f32 with f32 weights, else bf16.", Auto, string.Join(", ", KvNames),
            (s, v) => v.Text == Auto ? s with { Kv = null }
                : KvFormats.ByName.TryGetValue(v.Text, out KvFormat format) ? s with { Kv = format } : null,
            s => s.Kv?.Name() ?? Auto),
        Integer("max-context", "TOKENS", "Longest context.", "the model's own", 16, 4_194_304,
            (s, value) => s with { MaxContext = value }, s => s.MaxContext),
        Integer("max-sequences", "N", "Sequences that one step may run together.", "32", 1, 4_096,
            (s, value) => s with { MaxSequences = value }, s => s.MaxSequences),
        Integer("max-queued", "N", "Requests that may wait beyond those; more get 429.", "1000", 0, 100_000,
            (s, value) => s with { MaxQueued = value }, s => s.MaxQueued),
        Integer("step-tokens", "TOKENS", "New tokens that one step may take.", "512", 1, 65_536,
            (s, value) => s with { StepTokens = value }, s => s.StepTokens),
        Of("prefill-slowdown", "FACTOR", "How much longer a token of a running answer may take while prompts are read.", "1.5", "a number, 1.1 to 1000",
            (s, v) => double.TryParse(v.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value is >= 1.1 and <= 1000
                ? s with { PrefillSlowdown = value }
                : null,
            s => s.PrefillSlowdown.ToString(CultureInfo.InvariantCulture)),
        Of("kv-memory", "BYTES", "Memory of the KV cache, for example 512MB.", "planned from what the machine has", "1MB to 4TB",
            (s, v) => SettingValues.TryBytes(v.Text, out long bytes) && bytes is >= 1L << 20 and <= 4L << 40 ? s with { KvMemoryBytes = bytes } : null,
            s => s.KvMemoryBytes is { } bytes ? SettingValues.ShowBytes(bytes) : "planned"),
        Integer("kv-share", "N", "Weight in the division of planned KV memory among several models.", "1", 1, 1_000,
            (s, value) => s with { KvShare = value }, s => s.KvShare),
        Integer("memory-shares", "N", "Processes among which this machine's memory is divided when it is planned.", "1", 1, 64,
            (s, value) => s with { MemoryShares = value }, s => s.MemoryShares),
        Choice("cache-scope", "Who shares computed prompts: everyone on the server, or each caller alone.", "server", SettingValues.CacheScopes,
            (s, value) => s with { CacheScope = value }, s => s.CacheScope),
        Of("store", "FILE", "SQLite file that keeps conversations; memory keeps none.", "glm.db in the user's data folder", "a file, or memory",
            (s, v) => v.Text == "memory" ? s with { StoreFile = null } : v.AsPath() is { } path ? s with { StoreFile = path } : null,
            s => s.StoreFile ?? "memory"),
        Of("device", "DEVICE", "Where the model runs; over several devices, with commas between them, its layers are split into stages.", "cpu:0", "cpu:N or cuda:N, or several with commas between them",
            (s, v) => SettingValues.IsDevice(v.Text) ? s with { Device = v.Text } : null, s => s.Device),
        Of("onnxruntime", "FILE", "ONNX Runtime library to load.", "searched beside the program and in native/", "a file",
            (s, v) => v.AsPath() is { } path ? s with { OnnxRuntimeLibrary = path } : null, s => s.OnnxRuntimeLibrary ?? "searched"),
        Of("cache-dir", "FOLDER", "Folder for what can be made again.", "the user's cache folder", "a folder",
            (s, v) => v.AsPath() is { } path ? s with { CacheFolder = path } : null, s => s.CacheFolder),
        Of("models-dir", "FOLDER", "Folder of pulled models; --model ORG/NAME finds them there.", "models in the user's data folder", "a folder",
            (s, v) => v.AsPath() is { } path ? s with { ModelsFolder = path } : null, s => s.ModelsFolder),
        Of("hub-endpoint", "URL", "Hugging Face-compatible server that models are pulled from.", ServeSettings.DefaultHub, "http://HOST or https://HOST, with a path or without",
            (s, v) => SettingValues.TryUrl(v.Text, out Uri? url) ? s with { HubEndpoint = url } : null, s => s.HubEndpoint.GetLeftPart(UriPartial.Path)),
        Of("hub-token", "TOKEN", "Shows that server who asks; @FILE reads it from a file.", "none", "a token without blanks, or @FILE",
            (s, v) => SecretText.Read(v) is { } token && !token.Any(char.IsWhiteSpace) ? s with { HubToken = token } : null,
            s => s.HubToken is null ? "none" : "***") with
        {
            CommandLineProblem = text => text.StartsWith('@')
                ? null
                : "is a secret, which every user of this machine could read. Put it into GLM_HUB_TOKEN, glm.json or @FILE.",
        },
        Duration("resume-window", "How long a generation waits for its client to come back.", "60s", TimeSpan.Zero, TimeSpan.FromHours(24),
            (s, value) => s with { ResumeWindow = value }, s => s.ResumeWindow),
        Duration("conversation-ttl", "How long an unused conversation is kept.", "24h", TimeSpan.FromMinutes(1), TimeSpan.FromDays(3_650),
            (s, value) => s with { ConversationTtl = value }, s => s.ConversationTtl),
        Of("fabric", "FABRIC", "How the processes of a cluster meet.", "postgres", "postgres",
            (s, v) => v.Text == "postgres" ? s : null, _ => "postgres"),
        Of("database", "CONNECTION", "The cluster's PostgreSQL, as Npgsql writes connections; @FILE reads it from a file.", "none",
            "a connection without syntax errors such as \"Host=db;Database=glm;Username=glm\", or @FILE",
            (s, v) => DatabaseText.Read(v) is { } database ? s with { Database = database } : null,
            s => s.Database is null ? "none" : ConnectionText.Describe(s.Database)) with
        {
            CommandLineProblem = text => ConnectionText.HasPassword(text)
                ? "has a password, which every user of this machine could read. Put the connection into GLM_DATABASE, glm.json or @FILE."
                : null,
        },
        Of("live-host", "ADDRESS", "Address at which a silo waits for gateways; 0.0.0.0 is every network.", "127.0.0.1", "an IP address",
            (s, v) => IPAddress.TryParse(v.Text, out _) ? s with { LiveHost = v.Text } : null, s => s.LiveHost),
        Integer("live-port", "PORT", "Port at which a silo waits for gateways; 0 takes a free one.", "0", 0, 65_535,
            (s, value) => s with { LivePort = value }, s => s.LivePort),
        Of("advertise", "NAME", "Name or address at which gateways reach this silo.", "live-host, or this machine's address", "a host name or an IP address",
            (s, v) => Uri.CheckHostName(v.Text) != UriHostNameType.Unknown ? s with { Advertise = v.Text } : null, s => s.Advertise ?? "live-host"),
        Integer("health-port", "PORT", "Port of a silo's /health and /ready, at live-host; 0 takes a free one.", "0", 0, 65_535,
            (s, value) => s with { HealthPort = value }, s => s.HealthPort),
        Duration("drain-timeout", "How long a gateway or silo that is told to stop (SIGTERM), or a model that is unloaded, lets answers end or hands them over.", "60s", TimeSpan.Zero, TimeSpan.FromHours(24),
            (s, value) => s with { DrainTimeout = value }, s => s.DrainTimeout),
        Of("routing", string.Join('|', RoutingPolicies.Names), "How a worker is chosen: the one that has most of the prompt cached, within a bound of load; or without regard to that.",
            RoutingPolicies.Default, string.Join(", ", RoutingPolicies.Names),
            (s, v) => RoutingPolicies.Names.Contains(v.Text) ? s with { Routing = v.Text } : null, s => s.Routing),
        Integer("caller-running", "N", "Sequences of one caller that one model runs at once; its other requests wait.", "any number", 1, 100_000,
            (s, value) => s with { CallerLimits = s.CallerLimits with { Running = value } }, s => s.CallerLimits.Running),
        Integer("caller-requests", "N", "Requests of one caller for one model, running and waiting; more get 429.", "any number", 1, 1_000_000,
            (s, value) => s with { CallerLimits = s.CallerLimits with { Requests = value } }, s => s.CallerLimits.Requests),
        Duration("slow-reader-timeout", "How long a stream's client may take nothing of what waits for it before it is cut off.", "30s", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1),
            (s, value) => s with { SlowReaderTimeout = value }, s => s.SlowReaderTimeout),
        Of("control", "FILE", "Unix socket at which `glm model load` and `unload` reach the running server; off: none.", "in the user's runtime folder", "a file, or off",
            (s, v) => v.Text == ControlSocket.Off ? s with { Control = v.Text } : v.AsPath() is { } path ? s with { Control = path } : null, s => s.Control ?? "auto"),
        Choice("log-level", "Least important messages to log.", "information", SettingValues.LogLevels,
            (s, value) => s with { LogLevel = value }, s => s.LogLevel),
    ];

    /// <summary>Settings of a server that is all in one process.</summary>
    public static IReadOnlyList<Setting> Serve { get; } =
        [.. All.Where(setting => setting.Name is not ("fabric" or "database" or "live-host" or "live-port" or "advertise" or "health-port" or "hub-endpoint" or "hub-token"))];

    /// <summary>Settings of a gateway.</summary>
    public static IReadOnlyList<Setting> Gateway { get; } =
        [.. All.Where(setting => setting.Name is "fabric" or "database" or "aliases" or "long-embeddings" or "host" or "port" or "resume-window" or "conversation-ttl"
            or "drain-timeout" or "routing" or "caller-running" or "caller-requests" or "slow-reader-timeout" or "log-level")];

    /// <summary>Settings of a silo.</summary>
    public static IReadOnlyList<Setting> Silo { get; } =
        [.. All.Where(setting => setting.Name is not ("aliases" or "embedding-model" or "long-embeddings" or "host" or "port" or "store" or "hub-endpoint" or "hub-token"
            or "caller-running" or "caller-requests" or "slow-reader-timeout"))];

    /// <summary>Settings of a local cluster: what its gateways and silos have in common with a server.</summary>
    public static IReadOnlyList<Setting> LocalCluster { get; } =
        [.. Serve.Where(setting => setting.Name is not ("memory-shares" or "control") && (Gateway.Contains(setting) || Silo.Contains(setting)))];

    /// <summary>Settings that each of several models may have for itself.</summary>
    public static IReadOnlyList<Setting> OneModel { get; } =
    [
        .. All.Where(setting => setting.Name is "threads" or "weights" or "kv-format" or "max-context" or "max-sequences" or "max-queued" or "step-tokens"
            or "prefill-slowdown" or "kv-memory" or "kv-share" or "cache-scope" or "device"),
    ];

    /// <summary>Finds a setting by its name; null when there is none.</summary>
    public static Setting? Find(string name) => All.FirstOrDefault(setting => setting.Name == name);

    /// <summary>All values in force on one line, for the log.</summary>
    public static string Show(ServeSettings settings, IEnumerable<Setting>? of = null) =>
        string.Join(", ", (of ?? All).Select(setting => $"{setting.Name}={setting.Show(settings)}"));

    private static Setting Of(
        string name,
        string valueName,
        string help,
        string defaultText,
        string allowed,
        Func<ServeSettings, SettingText, ServeSettings?> apply,
        Func<ServeSettings, string> show) =>
        new() { Name = name, ValueName = valueName, Help = help, Default = defaultText, Allowed = allowed, Apply = apply, Show = show };

    private static Setting Integer(
        string name,
        string valueName,
        string help,
        string defaultText,
        int smallest,
        int largest,
        Func<ServeSettings, int, ServeSettings> apply,
        Func<ServeSettings, int?> read) =>
        Of(name, valueName, help, defaultText, string.Create(CultureInfo.InvariantCulture, $"a whole number, {smallest} to {largest}"),
            (s, v) => int.TryParse(v.Text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= smallest && value <= largest
                ? apply(s, value)
                : null,
            s => read(s)?.ToString(CultureInfo.InvariantCulture) ?? defaultText);

    private static Setting Duration(
        string name,
        string help,
        string defaultText,
        TimeSpan shortest,
        TimeSpan longest,
        Func<ServeSettings, TimeSpan, ServeSettings> apply,
        Func<ServeSettings, TimeSpan> read) =>
        Of(name, "TIME", help, defaultText, $"{SettingValues.ShowDuration(shortest)} to {SettingValues.ShowDuration(longest)}, for example 90s, 5m or 24h",
            (s, v) => SettingValues.TryDuration(v.Text, out TimeSpan value) && value >= shortest && value <= longest ? apply(s, value) : null,
            s => SettingValues.ShowDuration(read(s)));

    private static Setting Choice<T>(
        string name,
        string help,
        string defaultText,
        IReadOnlyDictionary<string, T> choices,
        Func<ServeSettings, T, ServeSettings> apply,
        Func<ServeSettings, T> read)
        where T : struct, Enum =>
        Of(name, string.Join('|', choices.Keys), help, defaultText, string.Join(", ", choices.Keys),
            (s, v) => choices.TryGetValue(v.Text, out T value) ? apply(s, value) : null,
            s => choices.First(choice => choice.Value.Equals(read(s))).Key);
}
