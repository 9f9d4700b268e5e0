using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using GlmCluster.Gateway.Models;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Admissions;

/// <summary>Turns orders into generations: finds model and conversation, renders the prompt once, and hands it to the cluster.</summary>
internal sealed class GenerationAdmission(
    ModelCatalog models, IConversationStore conversations, IGenerationClient generations, TimeProvider time)
{
    /// <summary>Times a prompt is rendered anew when the conversation got another turn meanwhile.</summary>
    private const int RenderAttempts = 3;

    /// <summary>Admits a new generation, or finds the one that the idempotency key names.</summary>
    public async ValueTask<AdmissionResult> AdmitAsync(GenerationOrder order, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            BuildResult built = await BuildAsync(order, cancellationToken);
            if (built.Request is not { } request)
            {
                return built.Refusal!;
            }

            switch (await generations.AdmitAsync(request, cancellationToken))
            {
                case Admitted admitted:
                    return await ServeAsync(admitted.Snapshot.Request, cancellationToken);
                case Refused { Fault.Code: GenerationFaultCode.ConversationMoved } when attempt < RenderAttempts:
                    break;
                case Refused refused:
                    return Refusal.From(refused.Fault) with { Param = order.Prompt.Field };
                case var other:
                    throw new InvalidOperationException($"Unknown admission {other.GetType().Name}.");
            }
        }
    }

    /// <summary>Finds an earlier generation that this dialect admitted for this caller; null: there is none.</summary>
    public async ValueTask<AdmissionResult?> FindAsync(
        GenerationId id, string caller, string dialect, CancellationToken cancellationToken)
    {
        GenerationSnapshot? snapshot = await generations.FindAsync(id, caller, cancellationToken);
        if (snapshot?.Request.View.Dialect != dialect)
        {
            return null;
        }

        return await ServeAsync(snapshot.Request, cancellationToken);
    }

    private async ValueTask<AdmissionResult> ServeAsync(GenerationRequest request, CancellationToken cancellationToken) =>
        await models.FindAsync(request.Model, cancellationToken) is { } model
            ? new ServedGeneration(request, model)
            : new Refusal(
                GenerationFaultCode.Unavailable,
                $"The model '{request.Model.Name}' that this generation uses is not offered at the moment. Try again later.");

    private async ValueTask<BuildResult> BuildAsync(GenerationOrder order, CancellationToken cancellationToken)
    {
        Conversation? conversation = null;
        if (order.Prompt is ChatPrompt { Conversation: { } conversationId } chat)
        {
            conversation = await conversations.FindAsync(conversationId, order.Caller, cancellationToken);
            if (conversation is null)
            {
                return new Refusal(
                    GenerationFaultCode.UnknownConversation,
                    $"There is no conversation '{conversationId}' of yours, or it has expired. Send the whole conversation without an id.");
            }

            // A turn that is stored finds this out at its admission, after its idempotency key was looked up.
            if (conversation.Running is not null && !chat.Store)
            {
                return new Refusal(
                    GenerationFaultCode.ConversationBusy,
                    $"The conversation '{conversationId}' is being answered. Wait for that answer, or cancel it.");
            }
        }

        string modelName = order.ModelName ?? conversation!.Model.Name;
        if (await models.FindAsync(modelName, conversation?.Model, cancellationToken) is not { } model)
        {
            return await models.RefuseAsync(modelName, cancellationToken);
        }

        if (model.Card.Embedding is not null)
        {
            return Refusal.Invalid($"The model '{modelName}' makes embeddings and generates no text. Ask it at /v1/embeddings.", "model");
        }

        PromptResult prompt = PromptBuilder.Build(order.Prompt, model, conversation);
        return prompt.Prompt is { } built ? CheckLength(order, model, built) : prompt.Refusal!;
    }

    private BuildResult CheckLength(GenerationOrder order, ServedModel model, Prompt prompt)
    {
        int context = model.Card.ContextTokens;
        int room = context - prompt.Ids.Length;
        if (room < 1)
        {
            string message = string.Create(
                CultureInfo.InvariantCulture,
                $"The prompt has {prompt.Ids.Length:N0} tokens; the context of '{model.Card.Model.Name}' holds {context:N0} "
                + $"with the answer. Shorten the prompt.");
            return new Refusal(GenerationFaultCode.PromptTooLong, message, order.Prompt.Field);
        }

        if (order.Sampling.LogitBias.FirstOrDefault(bias => bias.Id >= model.Card.VocabularySize) is { } unknown)
        {
            return Refusal.Invalid(
                $"'logit_bias' has the token id {unknown.Id}; ids of '{model.Card.Model.Name}' are 0 to {model.Card.VocabularySize - 1}.", "logit_bias");
        }

        int? wanted = order.MaxTokens ?? order.MaxLength - prompt.Ids.Length;
        return wanted is not < 1
            ? CreateRequest(order, model, prompt, Math.Min(wanted ?? room, room))
            : Refusal.Invalid(
                $"The prompt has {prompt.Ids.Length} tokens and 'max_length' is {order.MaxLength}, which counts prompt and answer. "
                + "Raise it, or use 'max_tokens', which counts the answer only.",
                "max_length");
    }

    private GenerationRequest CreateRequest(GenerationOrder order, ServedModel model, Prompt prompt, int maxTokens) => new()
    {
        Id = GenerationId.New(),
        Caller = order.Caller,
        Model = model.Card.Model,
        PromptIds = prompt.Ids,
        Sampling = order.Sampling.ApplyTo(model.Card.DefaultSampling, DrawSeed),
        StopIds = order.IgnoreEos ? [] : model.Card.StopIds,
        StopStrings = order.StopStrings,
        IsChatReply = order.Prompt is ChatPrompt,
        Choices = order.Choices,
        TopLogprobs = order.TopLogprobs,
        MaxTokens = maxTokens,
        OnDisconnect = order.OnDisconnect,
        Priority = order.Priority,
        Timeout = order.Timeout,
        Turn = prompt.Turn,
        IdempotencyKey = order.Idempotency?.Key,
        IdempotencyFingerprint = order.Idempotency?.Fingerprint,
        View = new ClientView
        {
            Dialect = order.Dialect,
            ModelName = order.ModelName ?? model.Card.Model.Name,
            IncludeUsage = order.IncludeUsage,
            Prefix = order.Echo ? prompt.Text : "",
            Tools = prompt.Tools,
            Reply = prompt.Reply,
        },
        CreatedAt = time.GetUtcNow(),
    };

    private static ulong DrawSeed()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Outcome of building: exactly one member is set.</summary>
    private readonly record struct BuildResult(GenerationRequest? Request, Refusal? Refusal)
    {
        public static implicit operator BuildResult(GenerationRequest request) => new(request, null);

        public static implicit operator BuildResult(Refusal refusal) => new(null, refusal);
    }
}
