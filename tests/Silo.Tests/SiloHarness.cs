using System.Collections.Immutable;
using GlmCluster.Engine.Loop;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.InProcess;
using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Workers;
using Microsoft.Extensions.Logging.Abstractions;

namespace GlmCluster.Silo.Tests;

/// <summary>A real fabric and a real worker with the bundled model.</summary>
internal sealed class SiloHarness : IAsyncDisposable
{
    private readonly NanoModel _nano;
    private WorkerSupervisor? _supervisor;

    private SiloHarness(NanoModel nano, InProcessFabric fabric)
    {
        _nano = nano;
        Fabric = fabric;
    }

    public InProcessFabric Fabric { get; }

    public EngineSnapshot Engine => _supervisor!.Engine;

    /// <param name="nano">The model.</param>
    /// <param name="storePath">Null: in memory.</param>
    /// <param name="loaded">Null: the model as it is.</param>
    public static async Task<SiloHarness> StartAsync(NanoModel nano, string? storePath = null, LoadedModel? loaded = null)
    {
        InProcessFabric fabric = await InProcessFabric.OpenAsync(
            new InProcessFabricOptions { StorePath = storePath }, TimeProvider.System, NullLogger<InProcessFabric>.Instance, CancellationToken.None);
        var harness = new SiloHarness(nano, fabric);
        harness._supervisor = await WorkerSupervisor.StartAsync(
            fabric, fabric, loaded ?? nano.Model, "test/cpu:0", maxQueued: 1000, TimeProvider.System, NullLogger.Instance, CancellationToken.None);
        return harness;
    }

    public GenerationRequest Request(ImmutableArray<int> promptIds, SamplingSettings? sampling = null) => new()
    {
        Id = GenerationId.New(),
        Caller = "test",
        Model = _nano.Model.Card.Model,
        PromptIds = promptIds,
        Sampling = sampling ?? new SamplingSettings { Temperature = 0 },
        StopIds = _nano.Model.Card.StopIds,
        IsChatReply = true,
        MaxTokens = 256,
        View = new ClientView { Dialect = "test", ModelName = "glm-nano" },
        CreatedAt = TimeProvider.System.GetUtcNow(),
    };

    public async Task AdmitAsync(GenerationRequest request) => Assert.IsType<Admitted>(await Fabric.AdmitAsync(request, CancellationToken.None));

    /// <summary>Reads until a number of tokens was seen, or to the end, and leaves.</summary>
    public async Task<(List<int> Ids, GenerationEnd? End)> ReadAsync(GenerationId id, int leaveAfter = int.MaxValue)
    {
        List<int> ids = [];
        await foreach (GenerationEvent next in Fabric.ReadAsync(id, TestContext.Current.CancellationToken))
        {
            switch (next)
            {
                case TokensAppended tokens:
                    ids.AddRange(tokens.Ids.Span);
                    break;
                case GenerationEnded ended:
                    return (ids, ended.End);
            }

            if (ids.Count >= leaveAfter)
            {
                break;
            }
        }

        return (ids, null);
    }

    /// <summary>Reads every token with its choice and logprobs until a number of them was seen, or to the end, and leaves.</summary>
    public async Task<(List<LoggedToken> Tokens, GenerationEnd? End)> ReadTokensAsync(GenerationId id, int leaveAfter = int.MaxValue)
    {
        List<LoggedToken> read = [];
        await foreach (GenerationEvent next in Fabric.ReadAsync(id, TestContext.Current.CancellationToken))
        {
            if (next is GenerationEnded ended)
            {
                return (read, ended.End);
            }

            var tokens = (TokensAppended)next;
            Assert.Equal(read.Count + 1, tokens.FirstSeq);
            int tops = tokens.TopLogprobs.Length / tokens.Ids.Length;
            for (int i = 0; i < tokens.Ids.Length; i++)
            {
                read.Add(new LoggedToken(
                    tokens.Choice,
                    tokens.Ids.Span[i],
                    tokens.Logprobs.IsEmpty ? 0 : tokens.Logprobs.Span[i],
                    string.Join(' ', tokens.TopLogprobs.Slice(i * tops, tops).ToArray())));
            }

            if (read.Count >= leaveAfter)
            {
                break;
            }
        }

        return (read, null);
    }

    /// <summary>Admits and reads to the end.</summary>
    public async Task<(List<int> Ids, GenerationEnd End)> RunAsync(GenerationRequest request)
    {
        await AdmitAsync(request);
        (List<int> ids, GenerationEnd? end) = await ReadAsync(request.Id);
        return (ids, end!);
    }

    public async ValueTask DisposeAsync()
    {
        if (_supervisor is not null)
        {
            await _supervisor.DisposeAsync();
        }

        await Fabric.DisposeAsync();
    }
}

/// <summary>One token as a reader sees it.</summary>
internal sealed record LoggedToken(int Choice, int Id, float Logprob, string Top);
