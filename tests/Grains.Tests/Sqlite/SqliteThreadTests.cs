using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Tests.Sqlite;

public sealed class SqliteThreadTests : IAsyncLifetime
{
    private SqliteThread _thread = null!;

    public async ValueTask InitializeAsync() => _thread = await SqliteThread.StartAsync(path: null);

    public ValueTask DisposeAsync() => _thread.DisposeAsync();

    [Fact]
    public async Task Run_OneOfManyFails_TheOthersAreStored()
    {
        // The first work holds the thread until the others wait behind it, so that they share a commit.
        using var queued = new ManualResetEventSlim();
        Task first = _thread.RunAsync(durable: false, _ =>
        {
            queued.Wait();
            return 0;
        });
        Task<int> good = InsertAsync("good");
        Task<int> bad = _thread.RunAsync(durable: true, connection =>
        {
            Insert(connection, "half");
            return connection.Execute("insert into text_assets (hash, body) values ('no body', null)");
        });
        Task<int> late = InsertAsync("late");

        queued.Set();
        await first;

        Assert.Equal(1, await good);
        Assert.Equal(1, await late);
        await Assert.ThrowsAsync<StoreException>(() => bad);
        Assert.Equal(["good", "late"], await HashesAsync());
    }

    [Fact]
    public async Task Run_AfterDispose_Throws()
    {
        await _thread.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => InsertAsync("x"));
    }

    [Fact]
    public async Task Dispose_WithWorkQueued_FinishesIt()
    {
        using var queued = new ManualResetEventSlim();
        Task first = _thread.RunAsync(durable: false, _ =>
        {
            queued.Wait();
            return 0;
        });
        Task<int> second = InsertAsync("x");

        Task closing = _thread.DisposeAsync().AsTask();
        queued.Set();
        await closing;

        await first;
        Assert.Equal(1, await second);
    }

    [Fact]
    public async Task Run_Synchronous_FollowsWhatIsAsked()
    {
        int durable = await _thread.RunAsync(durable: true, Synchronous);
        int behind = await _thread.RunAsync(durable: false, Synchronous);
        int durableAgain = await _thread.RunAsync(durable: true, Synchronous);

        Assert.Equal((2, 1, 2), (durable, behind, durableAgain)); // 2: full, 1: normal
    }

    private static int Synchronous(SqliteConnection connection) => connection.Query("pragma synchronous", row => row.GetInt32(0))[0];

    private static int Insert(SqliteConnection connection, string hash) =>
        connection.Execute("insert into text_assets (hash, body) values ($hash, x'01')", ("$hash", hash));

    private Task<int> InsertAsync(string hash) => _thread.RunAsync(durable: true, connection => Insert(connection, hash));

    private Task<List<string>> HashesAsync() => _thread.RunAsync(
        durable: false, connection => connection.Query("select hash from text_assets order by hash", row => row.GetString(0)));
}
