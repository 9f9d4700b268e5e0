using System.Text.Json.Serialization;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Embeddings;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;

namespace GlmCluster.Grains.Abstractions.Json;

/// <summary>The one JSON form of the contract records.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(GenerationRequest))]
[JsonSerializable(typeof(GenerationEnd))]
[JsonSerializable(typeof(ConversationTurn))]
[JsonSerializable(typeof(LogEntry))]
[JsonSerializable(typeof(ModelCard))]
[JsonSerializable(typeof(EmbeddingRequest))]
[JsonSerializable(typeof(GenerationFault))]
public sealed partial class ContractsJsonContext : JsonSerializerContext;
