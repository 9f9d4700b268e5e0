using System.Collections.Immutable;

namespace GlmCluster.Silo.Inspection;

/// <summary>What a model folder is, what it needs, and how much of that this machine has.</summary>
public sealed record ModelInspection
{
    /// <summary><c>chat</c> or <c>embedding</c>.</summary>
    public required string Kind { get; init; }

    /// <summary><c>model_type</c> of its <c>config.json</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>Published models of that architecture.</summary>
    public required string Family { get; init; }

    /// <summary>Numbers that were trained.</summary>
    public required long Parameters { get; init; }

    /// <summary>Those that one token meets; fewer than all where there are experts.</summary>
    public required long ParametersPerToken { get; init; }

    public required ModelDimensions Dimensions { get; init; }

    public required WeightFileReport WeightFiles { get; init; }

    public required TextReport Text { get; init; }

    /// <summary>Memory of the weights in each format.</summary>
    public required ImmutableArray<WeightNeed> Weights { get; init; }

    /// <summary>The embedding, which is read where it lies in its file: page cache, not memory of the process. In the type it is published in.</summary>
    public required long EmbeddingFileBytes { get; init; }

    /// <summary>Memory of the KV cache in each format; empty for an embedding model.</summary>
    public required ImmutableArray<KvNeed> Kv { get; init; }

    public required MachineFit Machine { get; init; }
}

/// <summary>Sizes as <c>config.json</c> says them.</summary>
/// <param name="ContextTokens">Longest prompt and answer together.</param>
/// <param name="CachedWidth">Numbers cached per token and layer; 0 for an embedding model.</param>
/// <param name="Experts">Routed experts of a layer; 0: none.</param>
/// <param name="ExpertsPerToken">Routed experts that a token goes to.</param>
/// <param name="ExpertWidth">Width of a routed expert's feed-forward.</param>
public sealed record ModelDimensions(
    int Layers,
    int HiddenSize,
    int FeedForwardSize,
    int Heads,
    int KvHeads,
    int HeadDim,
    int VocabularySize,
    int ContextTokens,
    int CachedWidth,
    int Experts,
    int ExpertsPerToken,
    int ExpertWidth);

/// <summary>The weights in the folder.</summary>
/// <param name="Files">How many; 0: none were found.</param>
/// <param name="Bytes">All of them.</param>
/// <param name="Type">How the numbers are stored, for example BF16; null where they cannot be read.</param>
/// <param name="Problem">Why they cannot be served; null: they can.</param>
public sealed record WeightFileReport(int Files, long Bytes, string? Type, string? Problem);

/// <summary>The text side of the folder.</summary>
/// <param name="Tokens">Ids of the tokenizer; 0: there is none that can be read.</param>
/// <param name="TokenizerProblem">Why the tokenizer cannot be used; null: it can.</param>
/// <param name="ChatProblem">Why there is no chat; null: there is.</param>
public sealed record TextReport(int Tokens, string? TokenizerProblem, string? ChatProblem);

/// <summary>Memory of the weights in a format.</summary>
public sealed record WeightNeed(string Format, long Bytes);

/// <summary>Memory of the KV cache in a format.</summary>
/// <param name="BytesPer1kTokens">Grows by this with 1,024 tokens.</param>
/// <param name="BytesAtFullContext">One context of the model's full length.</param>
public sealed record KvNeed(string Format, long BytesPer1kTokens, long BytesAtFullContext);

/// <summary>How the model fits this machine, as the server plans it.</summary>
/// <param name="MemoryBytes">What a process may use.</param>
/// <param name="IsLimit">It is a limit of a container or service rather than all of the machine.</param>
/// <param name="Automatic">What the server takes for a chat model where nothing is set; null: that does not fit.</param>
/// <param name="Pairs">Every pair of formats; of an embedding model every weight format.</param>
public sealed record MachineFit(long MemoryBytes, bool IsLimit, FormatFit? Automatic, ImmutableArray<FormatFit> Pairs);

/// <summary>How a pair of formats fits.</summary>
/// <param name="Weights">Weight format.</param>
/// <param name="Kv">KV format; null for an embedding model.</param>
/// <param name="ContextTokens">Longest prompt and answer together; 0: the weights do not fit.</param>
/// <param name="CachedTokens">Tokens that all running sequences together may have; 0 for an embedding model.</param>
/// <param name="Bytes">Weights and full KV cache.</param>
public sealed record FormatFit(string Weights, string? Kv, int ContextTokens, long CachedTokens, long Bytes);
