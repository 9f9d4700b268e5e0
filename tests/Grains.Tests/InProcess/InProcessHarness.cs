using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.InProcess;
using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Tests.Contracts;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Tests.InProcess;

/// <summary>The in-process fabric over a SQLite file in a temporary folder.</summary>
public sealed class InProcessHarness : FabricHarness
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-grains-");
    private InProcessFabric? _fabric;
    private string _path;

    public InProcessHarness() => _path = Path.Combine(_folder.FullName, "store.db");

    public override IGenerationClient Generations => Fabric;

    public override IWorkerFabric Workers => Fabric;

    public override IConversationStore Conversations => Fabric;

    public override IModelDirectory Models => Fabric;

    public override bool LosesTailOnKill => true;

    public override bool SuspectsThoseWithTokens => true;

    private InProcessFabric Fabric => _fabric ?? throw new InvalidOperationException("The fabric is not open.");

    public override async Task OpenAsync() => _fabric = await InProcessFabric.OpenAsync(
        new InProcessFabricOptions { StorePath = _path, ResumeWindow = ResumeWindow, ConversationTtl = ConversationTtl, CallerLimits = CallerLimits },
        Time,
        Events,
        CancellationToken.None);

    /// <summary>Goes on with a copy of the files as they are now, which is what a killed process leaves.</summary>
    public override async Task KillAndReopenAsync()
    {
        string copy = Path.Combine(_folder.FullName, $"{Guid.NewGuid():N}.db");
        File.Copy(_path, copy);
        File.Copy(_path + "-wal", copy + "-wal");
        await Fabric.DisposeAsync();
        _path = copy;
        await OpenAsync();
    }

    public override async Task FlushLogAsync()
    {
        Time.Advance(TimeSpan.FromMilliseconds(20));

        // The store works in order: when it answers this, it has written what was queued before.
        await Generations.FindAsync(GenerationId.New(), Samples.Caller, CancellationToken.None);
    }

    public override async Task<IReadOnlyList<TokenUsage>> UsageAsync(GenerationId id)
    {
        await Fabric.DisposeAsync();
        List<TokenUsage> usage;
        using (SqliteConnection connection = SqliteFile.Open(_path))
        {
            usage = connection.Query(
                "select prompt_tokens, completion_tokens, cached_tokens from usage where generation = $id",
                row => new TokenUsage(row.GetInt32(0), row.GetInt32(1), row.GetInt32(2)),
                ("$id", id.ToString()));
        }

        await OpenAsync();
        return usage;
    }

    public override async ValueTask DisposeAsync()
    {
        await Fabric.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
