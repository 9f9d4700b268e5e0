using System.ComponentModel.DataAnnotations;
using GlmCluster.Gateway.Models;
using Microsoft.Extensions.Options;

namespace GlmCluster.Gateway;

/// <summary>How the gateway treats clients.</summary>
public sealed class GatewayOptions
{
    /// <summary>Where configuration has them.</summary>
    public const string SectionName = "Gateway";

    /// <summary>Keys that may be used, as clients send them. Empty (default): anyone may ask, with or without a key.</summary>
    public IReadOnlyList<string> ApiKeys { get; set; } = [];

    /// <summary>Other names of models, by what clients write. One that is also a model's own name chooses among its weights. Default: none.</summary>
    public IReadOnlyDictionary<string, ModelAlias> Aliases { get; set; } = new Dictionary<string, ModelAlias>();

    /// <summary>Largest request body in bytes; a larger one gets 413. Default 8 MiB.</summary>
    [Range(1024, 1L << 30)]
    public long MaxRequestBytes { get; set; } = 8 << 20;

    /// <summary>Whether a text to embed that is longer than its model takes is cut, where the request does not say; else it is refused. Default true.</summary>
    public bool TruncatesEmbeddings { get; set; } = true;

    /// <summary>How long a stream's first token is waited for before the headers go out without it. Default 5 s.</summary>
    /// <remarks>Within this time a refusal still has a status code of its own.</remarks>
    [Range(typeof(TimeSpan), "00:00:00.001", "01:00:00")]
    public TimeSpan HeadersAfter { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Silence after which a stream gets a comment line, so that nothing between here and the client closes it. Default 15 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan PingAfter { get; set; } = TimeSpan.FromSeconds(15);

    /// <summary>How long a stream's client may take nothing of what waits for it before its connection is cut. Default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00")]
    public TimeSpan SlowReaderTimeout { get; set; } = TimeSpan.FromSeconds(30);
}

/// <summary>Refuses values out of range, naming the key.</summary>
[OptionsValidator]
internal sealed partial class GatewayOptionsValidator : IValidateOptions<GatewayOptions>;
