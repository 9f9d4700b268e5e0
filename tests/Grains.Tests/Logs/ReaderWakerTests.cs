using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Tests.Logs;

public sealed class ReaderWakerTests
{
    [Fact]
    public async Task Wake_ManyReadersManyTimes_WakesEachEveryTime()
    {
        const int Rounds = 2_000;
        var waker = new ReaderWaker();
        AsyncSignal[] signals = [.. Enumerable.Range(0, 8).Select(_ => new AsyncSignal())];
        int produced = 0;
        Task[] readers = [.. signals.Select(signal => Task.Run(() => ReadAsync(signal)))];

        for (int round = 0; round < Rounds; round++)
        {
            Interlocked.Increment(ref produced);
            foreach (AsyncSignal signal in signals)
            {
                signal.Set(waker);
            }

            waker.Wake();
        }

        await Task.WhenAll(readers); // hangs here if a signal is lost

        async Task ReadAsync(AsyncSignal signal)
        {
            while (Volatile.Read(ref produced) < Rounds)
            {
                await signal.WaitAsync();
            }
        }
    }
}
