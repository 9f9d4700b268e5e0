using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Tests.Contracts;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>The PostgreSQL fabric over a database of its own; one process is gateway and silo at once.</summary>
public sealed class PostgresHarness : FabricHarness
{
    private readonly LocalLiveConnector _connector = new();
    private string _database = "";
    private Uri _url = new("local://none");
    private PostgresFabric? _fabric;

    public override IGenerationClient Generations => Fabric;

    public override IWorkerFabric Workers => Fabric;

    public override IConversationStore Conversations => Fabric;

    public override IModelDirectory Models => Fabric;

    public override bool LosesTailOnKill => false;

    public override bool SuspectsThoseWithTokens => false;

    private PostgresFabric Fabric => _fabric ?? throw new InvalidOperationException("The fabric is not open.");

    public override async Task OpenAsync()
    {
        _database = await SharedPostgres.CreateDatabaseAsync();
        await StartAsync();
    }

    /// <summary>A killed process tells nobody; that its beat stands still is what others find, and here is told to them.</summary>
    public override async Task KillAndReopenAsync()
    {
        await _connector.CloseAsync(_url);
        await Fabric.AbandonAsync();
        List<Guid> dead = await QueryAsync("select member from glm.beats", row => row.GetGuid(0));
        await StartAsync();
        foreach (Guid member in dead)
        {
            await Fabric.EvictAsync(member);
        }
    }

    /// <summary>Every frame is written when its call returns.</summary>
    public override Task FlushLogAsync() => Task.CompletedTask;

    public override async Task<IReadOnlyList<TokenUsage>> UsageAsync(GenerationId id) => await QueryAsync(
        $"select prompt_tokens, completion_tokens, cached_tokens from glm.usage where generation = '{id}'",
        row => new TokenUsage(row.GetInt32(0), row.GetInt32(1), row.GetInt32(2)));

    public override async ValueTask DisposeAsync()
    {
        if (_fabric is not null)
        {
            await _connector.CloseAsync(_url);
            await _fabric.DisposeAsync();
        }
    }

    private async Task StartAsync()
    {
        _url = new Uri($"local://{Guid.NewGuid():N}");
        var options = new PostgresFabricOptions
        {
            ConnectionString = _database,
            ProcessName = "test",
            LiveUrl = _url,
            ResumeWindow = ResumeWindow,
            ConversationTtl = ConversationTtl,
            CallerLimits = CallerLimits,
            Lease = TimeSpan.MaxValue, // these tests move the clock by hours, and their workers have no beat
        };
        _fabric = await PostgresFabric.OpenAsync(options, _connector, Time, Events, CancellationToken.None);
        _connector.Open(_url, _fabric);
    }

    private async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> read)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(_database);
        await using NpgsqlCommand command = source.CreateCommand(sql);
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        var rows = new List<T>();
        while (await reader.ReadAsync())
        {
            rows.Add(read(reader));
        }

        return rows;
    }
}
