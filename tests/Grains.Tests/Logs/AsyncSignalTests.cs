using GlmCluster.Grains.Logs;

namespace GlmCluster.Grains.Tests.Logs;

public sealed class AsyncSignalTests
{
    [Fact]
    public void Wait_SignalledBefore_CompletesAtOnceAndOnce()
    {
        var signal = new AsyncSignal();
        signal.Set();
        signal.Set();

        Task first = signal.WaitAsync().AsTask();
        Task second = signal.WaitAsync().AsTask();

        Assert.True(first.IsCompletedSuccessfully);
        Assert.False(second.IsCompleted);
    }

    [Fact]
    public async Task Wait_SignalledLater_Wakes()
    {
        var signal = new AsyncSignal();
        ValueTask waiting = signal.WaitAsync();

        signal.Set();

        await waiting;
    }

    [Fact]
    public async Task Wait_ManySignalsFromAnotherThread_LosesNone()
    {
        const int Rounds = 100_000;
        var signal = new AsyncSignal();
        int produced = 0;
        var producer = new Thread(() =>
        {
            for (int i = 0; i < Rounds; i++)
            {
                Interlocked.Increment(ref produced);
                signal.Set();
            }
        });

        producer.Start();
        while (Volatile.Read(ref produced) < Rounds)
        {
            await signal.WaitAsync(); // hangs here if the last signal is lost
        }

        producer.Join();
    }
}
