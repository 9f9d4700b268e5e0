using System.Threading.Channels;
using GlmCluster.Engine.Loop;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Workers;
using Microsoft.Extensions.Logging;

namespace GlmCluster.Silo.Workers;

/// <summary>
/// Reads prompts and answers that another worker is about to hand over: a sequence per choice, whose one token nobody sees, leaves in the prefix
/// cache what it computed. The generation then starts here with a step like any other.
/// </summary>
/// <remarks>
/// One after the other, and each only when the one before has got its first token here: that one would otherwise wait for a step full of the next
/// one's prompt. <see cref="Note"/> is called by the engine's loop thread.
/// </remarks>
internal sealed class HandoverPreparer(IWorkerSession session, GenerationEngine engine, TimeProvider time, ILogger logger)
{
    /// <summary>A generation that has not come by then is not coming: it ended, or its reader left.</summary>
    private static readonly TimeSpan HandoverPatience = TimeSpan.FromSeconds(1);

    // At most one for each generation that is being handed over.
    private readonly Channel<PrepareGeneration> _commands = Channel.CreateUnbounded<PrepareGeneration>(new() { SingleReader = true });
    private volatile Arrival? _expected;

    public void Add(PrepareGeneration command) => _commands.Writer.TryWrite(command);

    /// <summary>Takes what a step gave, if it is about a preparation or its generation.</summary>
    public void Note(in SequenceUpdate update)
    {
        if (update.Tag is Preparation preparation)
        {
            preparation.Note(update.End);
        }
        else if (_expected is { } expected && update.Tag is RunningChoice choice && choice.Generation.Request.Id == expected.Generation)
        {
            expected.Came.TrySetResult();
        }
    }

    /// <summary>Prepares what comes, until cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        try
        {
            await foreach (PrepareGeneration command in _commands.Reader.ReadAllAsync(stopping))
            {
                await PrepareAsync(command, stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
        }
    }

    private async Task PrepareAsync(PrepareGeneration command, CancellationToken stopping)
    {
        var arrival = new Arrival(command.Request.Id);
        _expected = arrival;
        for (PrepareGeneration? next = command; next is not null;)
        {
            if (!await ReadAsync(next).WaitAsync(stopping))
            {
                return; // its worker keeps it until that one leaves
            }

            next = await session.PreparedAsync(command.Request.Id, stopping);
        }

        try
        {
            await arrival.Came.Task.WaitAsync(HandoverPatience, time, stopping);
        }
        catch (TimeoutException)
        {
        }
    }

    /// <returns>False: it cannot be run here.</returns>
    private Task<bool> ReadAsync(PrepareGeneration command)
    {
        var generation = new RunningGeneration(new RunGeneration(command.Request, command.Logged));
        RunningChoice[] open = [.. generation.Choices.Where(choice => choice.IsOpen)];
        var preparation = new Preparation(open.Length);
        try
        {
            Array.ForEach(open, choice => engine.Submit(ToSequence(command.Request, choice, preparation)));
            return preparation.Done;
        }
        catch (Exception refused) when (refused is ArgumentException or InvalidOperationException)
        {
            logger.NotPrepared(command.Request.Id.ToString(), refused.Message);
            return Task.FromResult(false);
        }
    }

    private static SequenceRequest ToSequence(GenerationRequest request, RunningChoice choice, Preparation preparation) => new()
    {
        PromptIds = request.PromptIds.AsMemory(),
        GeneratedIds = choice.LoggedIds.AsMemory(),
        Sampling = new SamplingParameters(Temperature: 0, TopP: 1, TopK: 0, Seed: 0, choice.Index),
        StopIds = default,
        MaxTokens = choice.LoggedIds.Length + 1,
        Caller = request.Caller,
        Priority = request.Priority,
        Tag = preparation,
    };

    /// <summary>The generation that is being handed over, and when it gets a token here.</summary>
    private sealed class Arrival(GenerationId generation)
    {
        public GenerationId Generation => generation;

        public TaskCompletionSource Came { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <param name="openChoices">Sequences that it consists of, at least 1.</param>
    private sealed class Preparation(int openChoices)
    {
        private readonly TaskCompletionSource<bool> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _open = openChoices; // the loop thread's

        public Task<bool> Done => _done.Task;

        public void Note(SequenceEnd end)
        {
            if (end == SequenceEnd.Length && --_open == 0)
            {
                _done.TrySetResult(true);
            }
            else if (end is not (SequenceEnd.Length or SequenceEnd.None))
            {
                _done.TrySetResult(false);
            }
        }
    }
}
