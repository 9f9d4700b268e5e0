using System.Collections.Immutable;
using System.Text.Json.Serialization;
using GlmCluster.Silo.Hosting;

namespace GlmCluster.Cli.Control;

/// <summary>A model to load.</summary>
/// <param name="Folder">Full path.</param>
/// <param name="Name">Null: the folder's.</param>
/// <param name="Settings">What it has for itself, as <c>glm.json</c> writes it.</param>
internal sealed record LoadRequest(string Folder, string? Name, ImmutableSortedDictionary<string, string> Settings);

/// <summary>A line of the answer: exactly one member is set. The last line of a call is a model or an error.</summary>
/// <param name="Progress">How loading goes.</param>
/// <param name="Waiting">Sequences that an unload still waits for.</param>
/// <param name="Model">The model that was loaded, or was unloaded.</param>
/// <param name="Error">Why not, and the remedy.</param>
internal sealed record ControlLine(ControlProgress? Progress = null, int? Waiting = null, RunningModel? Model = null, string? Error = null);

/// <summary>As <see cref="Checkpoints.LoadProgress"/>.</summary>
internal sealed record ControlProgress(string Stage, long Done, long Total);

/// <summary>A model as operators see it.</summary>
/// <param name="Name">Clients ask for it by this.</param>
/// <param name="ContentHash">Which weights.</param>
/// <param name="WeightBytes">Memory of the weights, about.</param>
/// <param name="KvBytes">Memory of the KV cache when full.</param>
/// <param name="Sequences">That run or wait.</param>
/// <param name="IsLeaving">It is being unloaded.</param>
internal sealed record RunningModel(
    string Name,
    string ContentHash,
    string? Folder,
    string Architecture,
    string Weights,
    string Kv,
    int ContextTokens,
    long WeightBytes,
    long KvBytes,
    int Sequences,
    bool IsLeaving)
{
    public static RunningModel Of(HostedModel model) => new(
        model.Name,
        model.Model.Card.Model.ContentHash,
        model.Model.Folder,
        model.Model.Card.Architecture,
        model.Model.Card.WeightFormat,
        Engine.Decoding.KvFormats.Name(model.Model.Sizes.Kv),
        model.Model.Sizes.ContextTokens,
        model.Memory.WeightBytes,
        model.Memory.KvBytes,
        model.Sequences,
        model.IsLeaving);
}

/// <summary>The JSON of the control socket: one object a line.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(LoadRequest))]
[JsonSerializable(typeof(ControlLine))]
[JsonSerializable(typeof(ImmutableArray<RunningModel>))]
internal sealed partial class ControlJson : JsonSerializerContext;
