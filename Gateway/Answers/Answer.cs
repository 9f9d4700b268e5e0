using System.Collections.Immutable;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Answers;

/// <summary>An answer, or its last part, as clients may see it.</summary>
/// <param name="Text">Visible text; may be empty.</param>
/// <param name="Reasoning">What the model thought before; may be empty.</param>
/// <param name="ToolCalls">Calls it made.</param>
/// <param name="End">How it ended.</param>
internal sealed record Answer(string Text, string Reasoning, ImmutableArray<ToolCall> ToolCalls, GenerationEnd End);
