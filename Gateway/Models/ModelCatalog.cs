using System.Collections.Concurrent;
using System.Collections.Immutable;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Gateway.Models;

/// <summary>The models that clients can ask for now, with their text sides. Thread-safe.</summary>
/// <remarks>
/// A text side is read once per hash and kept. <see cref="ModelPrefetcher"/> does that when a model appears, so requests find it done;
/// one that comes earlier waits for the same read.
/// </remarks>
internal sealed class ModelCatalog(IModelDirectory directory, GatewayOptions options, ILogger<ModelCatalog> logger)
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, Lazy<Task<TextModel>>> _texts = new(StringComparer.Ordinal); // by text assets hash
    private readonly ConcurrentDictionary<ModelReference, ModelCard> _seen = new();

    /// <summary>Every name that can be asked for, aliases after models and models that embed after those that generate, with the model that answers to it.</summary>
    public async ValueTask<ImmutableArray<(string Name, ServedModel Model)>> ListAsync(CancellationToken cancellationToken)
    {
        var models = ImmutableArray.CreateBuilder<(string, ServedModel)>();
        IEnumerable<string> names = directory.Offered.OrderBy(card => card.Embedding is not null).Select(card => card.Model.Name);
        foreach (string name in names.Concat(options.Aliases.Keys.Order(StringComparer.Ordinal)).Distinct())
        {
            if (await FindAsync(name, null, cancellationToken) is { } model)
            {
                models.Add((name, model));
            }
        }

        return models.ToImmutable();
    }

    /// <summary>Finds a model by name or alias, the newest where weights are being rolled out; null when there is none.</summary>
    /// <param name="name">As the client wrote it. An alias goes before a model's own name, so that it can choose among its weights.</param>
    /// <param name="preferred">Taken while it is offered under this name: a conversation stays with its weights.</param>
    /// <param name="cancellationToken">Ends the wait for a first read.</param>
    public async ValueTask<ServedModel?> FindAsync(string name, ModelReference? preferred, CancellationToken cancellationToken)
    {
        ModelAlias alias = options.Aliases.GetValueOrDefault(name) ?? new ModelAlias(name);
        ModelCard? card = directory.Offered
            .Where(card => alias.Matches(card.Model))
            .OrderByDescending(card => card.Model == preferred)
            .ThenByDescending(card => card.PublishedAt)
            .FirstOrDefault();
        return card is null ? null : await LoadAsync(card, cancellationToken);
    }

    /// <summary>What a client is told whose model was not found.</summary>
    public async ValueTask<Refusal> RefuseAsync(string name, CancellationToken cancellationToken)
    {
        if (options.Aliases.TryGetValue(name, out ModelAlias? alias))
        {
            return Unavailable($"The model '{name}' stands for '{alias}', which no worker offers now. Try again later.");
        }

        if (directory.Offered.Any(card => card.Model.Name == name))
        {
            return Unavailable($"The tokenizer or template of the model '{name}' cannot be read here. The gateway's log says why.");
        }

        return await directory.IsKnownAsync(name, cancellationToken)
            ? Unavailable($"No worker offers the model '{name}' now. Try again later.")
            : new Refusal(GenerationFaultCode.UnknownModel, $"The model '{name}' does not exist here. GET /v1/models lists those that do.");
    }

    private static Refusal Unavailable(string message) => new(GenerationFaultCode.Unavailable, message, RetryAfter: RetryAfter);

    /// <summary>Finds the model that an earlier generation used, also when it is not offered any more; null: this process never saw it.</summary>
    public async ValueTask<ServedModel?> FindAsync(ModelReference reference, CancellationToken cancellationToken)
    {
        ModelCard? card = directory.Offered.FirstOrDefault(card => card.Model == reference) ?? _seen.GetValueOrDefault(reference);
        return card is null ? null : await LoadAsync(card, cancellationToken);
    }

    /// <summary>Null where the text side cannot be read.</summary>
    private async ValueTask<ServedModel?> LoadAsync(ModelCard card, CancellationToken cancellationToken)
    {
        Lazy<Task<TextModel>> text = _texts.GetOrAdd(card.TextAssetsHash, _ => new Lazy<Task<TextModel>>(() => ReadAsync(card)));
        try
        {
            TextModel loaded = await text.Value.WaitAsync(cancellationToken);
            _seen[card.Model] = card;
            return new ServedModel(card, loaded);
        }
        catch (CheckpointException) when (text.Value.IsFaulted)
        {
            // The hash names these very bytes: they will not get better. It was logged when they were read.
            return null;
        }
        catch (Exception) when (text.Value.IsFaulted)
        {
            // The store may answer the next call.
            _texts.TryRemove(KeyValuePair.Create(card.TextAssetsHash, text));
            return null;
        }
    }

    // Shared by all who wait, so no single one of them may cancel it.
    private async Task<TextModel> ReadAsync(ModelCard card)
    {
        try
        {
            ReadOnlyMemory<byte> assets = await directory.ReadTextAssetsAsync(card.TextAssetsHash, CancellationToken.None);
            TextModel text = TextModel.Load(TextAssets.FromBytes(assets));
            logger.ModelTextLoaded(card.Model.Name, card.Model.ContentHash);
            return text;
        }
        catch (Exception exception)
        {
            logger.ModelTextFailed(exception, card.Model.Name, card.Model.ContentHash);
            throw;
        }
    }
}
