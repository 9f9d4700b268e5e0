using System.Threading.Channels;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;

namespace GlmCluster.Silo.Workers;

/// <summary>
/// Reads prompts and answers that another worker is about to hand over: a sequence per choice, whose one token nobody sees, leaves in the prefix
/// cache what it computed. The generation then starts here with a step like any other.
/// </summary>
/// <remarks><see cref="Note"/> is called by the engine's loop thread.</remarks>
internal sealed class HandoverPreparer(IWorkerSession session, GenerationEngine engine)
{
    private readonly Channel<GenerationId> _prepared = Channel.CreateUnbounded<GenerationId>(new() { SingleReader = true }); // at most one per command

    /// <exception cref="ArgumentException">The engine cannot run it; the old worker keeps it.</exception>
    /// <exception cref="InvalidOperationException">The engine has failed.</exception>
    public void Prepare(PrepareGeneration command)
    {
        var generation = new RunningGeneration(new RunGeneration(command.Request, command.Logged));
        RunningChoice[] open = [.. generation.Choices.Where(choice => choice.IsOpen)];
        var preparation = new Preparation(command.Request.Id) { OpenChoices = open.Length };
        foreach (RunningChoice choice in open)
        {
            engine.Submit(new SequenceRequest
            {
                PromptIds = command.Request.PromptIds.AsMemory(),
                GeneratedIds = choice.LoggedIds.AsMemory(),
                Sampling = new SamplingParameters(Temperature: 0, TopP: 1, TopK: 0, Seed: 0, choice.Index),
                StopIds = default,
                MaxTokens = choice.LoggedIds.Length + 1,
                Caller = command.Request.Caller,
                Priority = command.Request.Priority,
                Tag = preparation,
            });
        }
    }

    /// <summary>Takes what a step gave, if it is about a preparation.</summary>
    public void Note(in SequenceUpdate update)
    {
        if (update is { Tag: Preparation preparation, End: SequenceEnd.Length } && --preparation.OpenChoices == 0)
        {
            _prepared.Writer.TryWrite(preparation.Generation);
        }
    }

    /// <summary>Tells the fabric what is prepared, until cancelled.</summary>
    public async Task ConfirmAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (GenerationId generation in _prepared.Reader.ReadAllAsync(stopping))
            {
                await session.PreparedAsync(generation, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    private sealed class Preparation(GenerationId generation)
    {
        public GenerationId Generation => generation;

        public int OpenChoices { get; set; }
    }
}
