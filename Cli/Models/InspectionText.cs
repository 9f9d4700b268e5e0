using System.Globalization;
using GlmCluster.Cli.Help;
using GlmCluster.Silo.Inspection;

namespace GlmCluster.Cli.Models;

/// <summary>What people read of an inspection.</summary>
internal static class InspectionText
{
    private const double MiB = 1 << 20;
    private const double GiB = 1 << 30;

    public static string Format(ModelInspection model) => string.Join(
        Environment.NewLine, [.. Describe(model), "", .. Needs(model), "", .. model.Kv.IsEmpty ? FitsEncoder(model.Machine) : Fits(model.Machine)]);

    /// <summary>Bytes as people say them, for example <c>8.9 GiB</c>.</summary>
    public static string Size(long bytes) => bytes >= GiB ? Invariant($"{bytes / GiB:N1} GiB") : Invariant($"{bytes / MiB:N1} MiB");

    private static IEnumerable<string> Describe(ModelInspection model)
    {
        ModelDimensions sizes = model.Dimensions;
        string active = model.ParametersPerToken == model.Parameters ? "" : $", of which a token meets {Count(model.ParametersPerToken)}";
        string experts = sizes.Experts == 0 ? "" : Invariant($"; {sizes.Experts} experts of width {sizes.ExpertWidth:N0}, {sizes.ExpertsPerToken} per token");
        yield return $"architecture  {model.Architecture}, {model.Kind} ({model.Family})";
        yield return $"parameters    {Count(model.Parameters)}{active}";
        yield return Invariant($"layers        {sizes.Layers}, hidden {sizes.HiddenSize:N0}, feed-forward {sizes.FeedForwardSize:N0}{experts}");
        yield return Invariant($"attention     {sizes.Heads} heads of {sizes.HeadDim}{Cached(sizes)}");
        yield return Invariant($"vocabulary    {sizes.VocabularySize:N0} rows; context {sizes.ContextTokens:N0} tokens");
        yield return $"weights       {Describe(model.WeightFiles)}";
        yield return model.Text.TokenizerProblem is { } problem ? $"tokenizer     {problem}" : Invariant($"tokenizer     {model.Text.Tokens:N0} ids");
        if (model.Text.TokenizerProblem is null && !model.Kv.IsEmpty)
        {
            yield return $"chat          {model.Text.ChatProblem ?? "yes"}";
        }
    }

    private static string Cached(ModelDimensions sizes)
    {
        string shared = sizes.CachedWidth == 2 * sizes.KvHeads * sizes.HeadDim ? $"{sizes.KvHeads} with keys and values" : "latent keys and values";
        return sizes.CachedWidth == 0 ? "" : Invariant($", {shared}; {sizes.CachedWidth:N0} numbers cached per token and layer");
    }

    private static string Describe(WeightFileReport files) =>
        files.Problem ?? Invariant($"{files.Type}, {(files.Files == 1 ? "1 file" : $"{files.Files} files")}, {Size(files.Bytes)}");

    private static IEnumerable<string> Needs(ModelInspection model)
    {
        foreach (string line in TextTable.Format(
            [["weights as", "memory"], .. model.Weights.Select(need => (string[])[need.Format, Size(need.Bytes)])]))
        {
            yield return line;
        }

        yield return $"Embeddings stay in their file ({Size(model.EmbeddingFileBytes)} as published) and are not counted.";
        if (model.Kv.IsEmpty)
        {
            yield break;
        }

        yield return "";
        foreach (string line in TextTable.Format(
            [
                ["KV cache as", "1,024 tokens", "full context"],
                .. model.Kv.Select(need => (string[])[need.Format, Size(need.BytesPer1kTokens), Size(need.BytesAtFullContext)]),
            ]))
        {
            yield return line;
        }
    }

    private static IEnumerable<string> Fits(MachineFit machine)
    {
        yield return $"Longest context on this machine ({Size(machine.MemoryBytes)}{(machine.IsLimit ? ", the limit of this process" : "")}):";
        string[] kvs = [.. machine.Pairs.Select(pair => pair.Kv).OfType<string>().Distinct()];
        foreach (string line in TextTable.Format(
            [
                ["weights", .. kvs.Select(kv => $"KV {kv}")],
                .. machine.Pairs.GroupBy(pair => pair.Weights).Select(row => (string[])[row.Key, .. row.Select(Describe)]),
            ]))
        {
            yield return line;
        }

        yield return machine.Automatic is { } chosen
            ? Invariant($"By itself the server takes {chosen.Weights} weights and a {chosen.Kv} KV cache for {chosen.CachedTokens:N0} tokens in all: {Size(chosen.Bytes)}.")
            : "What the server takes by itself does not fit here.";
    }

    private static IEnumerable<string> FitsEncoder(MachineFit machine)
    {
        string fitting = string.Join(", ", machine.Pairs.Where(pair => pair.ContextTokens > 0).Select(pair => pair.Weights));
        yield return $"On this machine ({Size(machine.MemoryBytes)}) fit: {(fitting.Length == 0 ? "none" : fitting)}.";
    }

    private static string Describe(FormatFit fit) => fit.ContextTokens == 0 ? "does not fit" : Invariant($"{fit.ContextTokens:N0}");

    private static string Count(long parameters) => parameters >= 1e9 ? Invariant($"{parameters / 1e9:N1} billion") : Invariant($"{parameters / 1e6:N1} million");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
