using System.Buffers;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Abstractions.Models;
using GlmCluster.Grains.Abstractions.Workers;
using GlmCluster.Grains.Postgres;
using GlmCluster.Grains.Postgres.Live;
using GlmCluster.Grains.Tests.Contracts;
using GlmCluster.TestKit;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace GlmCluster.Grains.Tests.Postgres;

/// <summary>
/// What version 1 wrote, in its database and on its connections: every later version reads the same values from it, and goes on with what it left
/// unfinished. The fixtures are never edited.
/// </summary>
public sealed class StoredClusterTests
{
    private static readonly GenerationId First = GenerationId.Parse("aaaaaaaaaaaaaaaaaaaaaaa1");
    private static readonly GenerationId Running = GenerationId.Parse("aaaaaaaaaaaaaaaaaaaaaaa2");
    private static readonly GenerationId Loose = GenerationId.Parse("bbbbbbbbbbbbbbbbbbbbbbb1");
    private static readonly Guid DeadWorker = new("17e98865-2a47-46c3-b45c-a55b9f9dc409");

    [Fact]
    public async Task Database_Version1_IsReadAndGoesOn()
    {
        await using PostgresFabric fabric = await OpenAsync();

        Conversation conversation = (await ((IConversationStore)fabric).FindAsync(First, Samples.Caller, CancellationToken.None))!;
        Assert.Equal(Running, conversation.Running);
        Assert.Equal([11, 12, 13, 100, 101, 102, 103], conversation.ContextIds);
        FinishedTurn turn = Assert.Single(conversation.Turns);
        Assert.Equal(("Hello", EndReason.Stop), (turn.Turn.Messages[0].Content, turn.Reason));
        Assert.Equal([100, 101, 102, 103], turn.AnswerIds);

        GenerationSnapshot loose = (await fabric.FindAsync(Loose, Samples.Caller, CancellationToken.None))!;
        Assert.Equal((2, 1, ulong.MaxValue), (loose.Request.Choices, loose.Request.TopLogprobs, loose.Request.Sampling.Seed));
        Assert.Equal(new GenerationEnd(EndReason.Stop, new TokenUsage(3, 4, 2)), loose.End);
        WorkerStatus worker = Assert.Single(await ((IWorkerFabric)fabric).ListAsync(CancellationToken.None));
        Assert.Equal((7, 1, 100, "by hand"), (worker.LastBeat!.Counter, worker.LastBeat.RunningSequences, worker.LastBeat.FreeBlocks, worker.Card.Name));
        Assert.Equal([1, 2, 3], worker.LastBeat.PrefixDigest);

        ModelCard card = Assert.Single(fabric.Offered);
        await fabric.TakeOverAsync(new IncarnationId(DeadWorker), CancellationToken.None);
        await using ScriptedWorker next = await ScriptedWorker.JoinAsync(
            fabric, fabric, card, SampleModel.TextAssets, _ => Samples.Answer());
        RunGeneration run = await next.NextAsync<RunGeneration>();
        Assert.Equal([100, 101, 102], run.Logged.SelectMany(entry => entry.Ids));
        Assert.Equal([11, 12, 13], run.Request.PromptIds);
        await using var reader = new TokenReader(fabric, Running);
        Assert.Equal(Samples.Answer(), (await reader.ReadToEndAsync()).Ids);
        Assert.Equal(2, (await ((IConversationStore)fabric).FindAsync(First, Samples.Caller, CancellationToken.None))!.Turns.Length);
    }

    [Fact]
    public async Task Database_Version1_EndedGenerationOfTwoChoices_ReadsTheSame()
    {
        await using PostgresFabric fabric = await OpenAsync();
        List<(int Choice, int Id, float Logprob, TokenLogprob Top, ChoiceEnd? End)> read = [];
        await foreach (GenerationEvent next in fabric.ReadAsync(Loose, CancellationToken.None))
        {
            if (next is TokensAppended tokens)
            {
                read.Add((tokens.Choice, Assert.Single(tokens.Ids.ToArray()), tokens.Logprobs.Span[0], tokens.TopLogprobs.Span[0], tokens.End));
            }
        }

        var end = new ChoiceEnd(EndReason.Stop, 1);
        Assert.Equal(
            [
                (0, 100, -0.5f, new TokenLogprob(100, -0.5f), null), (1, 101, -0.25f, new TokenLogprob(101, -0.25f), null),
                (0, 2, -0.125f, new TokenLogprob(2, -0.125f), end), (1, 2, -1f, new TokenLogprob(2, -1f), end),
            ],
            read);
    }

    [Fact]
    public void LogEntries_Version1_AreRead()
    {
        List<LogEntry> entries = LogCodec.Decode(ReadHex("log-entries.hex"));

        Assert.Equal(
            [(Loose, 1L, 0, 1), (Loose, 2L, 1, 1), (Running, 1L, 0, 2), (Loose, 3L, 0, 1), (Loose, 4L, 1, 1)],
            entries.Select(entry => (entry.Generation, entry.FirstSeq, entry.Choice, entry.Ids.Length)));
        Assert.Equal([100, 101], entries[2].Ids);
        Assert.Equal([new TokenLogprob(2, -0.125f)], entries[3].TopLogprobs);
        Assert.Equal(new ChoiceEnd(EndReason.Stop, 1), entries[4].End);
    }

    /// <summary>A silo and a gateway of different versions: what one sends is what the other one reads.</summary>
    [Fact]
    public void LiveMessages_Version1_AreStillWrittenSo()
    {
        List<LogEntry> entries = LogCodec.Decode(ReadHex("log-entries.hex"));
        var written = new ArrayBufferWriter<byte>();
        LiveMessages.WriteEntries(written, entries[..3]);
        LiveMessages.WriteEnd(written, Loose, new GenerationEnd(EndReason.Stop, new TokenUsage(3, 4, 2)));
        LiveMessages.WriteGone(written, Running);

        byte[] messages = ReadHex("live-messages.hex");
        byte[] requests = ReadHex("live-requests.hex");

        Assert.Equal(messages, written.WrittenSpan.ToArray());
        Assert.Equal((LiveRequestKind.Follow, Loose, 300L), LiveMessages.ReadRequest(requests.AsSpan(0, LiveMessages.RequestBytes)));
        Assert.Equal((LiveRequestKind.Leave, Running, 0L), LiveMessages.ReadRequest(requests.AsSpan(LiveMessages.RequestBytes)));
    }

    private static async Task<PostgresFabric> OpenAsync()
    {
        string database = await SharedPostgres.CreateDatabaseAsync();
        await using (NpgsqlDataSource source = NpgsqlDataSource.Create(database))
        {
            await using NpgsqlCommand restore = source.CreateCommand(await File.ReadAllTextAsync(Fixture("database.sql")));
            await restore.ExecuteNonQueryAsync();
        }

        var options = new PostgresFabricOptions
        {
            ConnectionString = database,
            ProcessName = "test",
            ResumeWindow = TimeSpan.FromDays(36_500),
            ConversationTtl = TimeSpan.FromDays(36_500), // its times stay as they are
            Lease = TimeSpan.MaxValue, // the test itself takes the dead worker's work away
        };
        return await PostgresFabric.OpenAsync(options, new LocalLiveConnector(), TimeProvider.System, NullLogger.Instance, CancellationToken.None);
    }

    private static byte[] ReadHex(string name) => Convert.FromHexString(string.Concat(File.ReadAllLines(Fixture(name))));

    private static string Fixture(string name) => RepositoryFolder.Path("tests", "data", "contracts", "v1", name);
}
