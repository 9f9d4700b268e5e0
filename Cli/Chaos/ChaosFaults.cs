namespace GlmCluster.Cli.Chaos;

/// <summary>Makes faults at random, several at once now and then.</summary>
internal sealed class ChaosFaults(ChaosCluster cluster, Random random, Action<string> note)
{
    private readonly List<Task> _running = [];

    /// <summary>Until cancelled; then waits until all that was broken works again.</summary>
    /// <exception cref="ChaosException">Something did not come back as it should.</exception>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await Task.Delay(Between(0.3, 4), cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
            _running.RemoveAll(fault => fault.IsCompletedSuccessfully);
            if (!cancellationToken.IsCancellationRequested)
            {
                _running.Add(MakeAsync(random.Next(12)));
            }
        }

        await Task.WhenAll(_running);
    }

    private Task MakeAsync(int kind)
    {
        ChaosMember silo = Any(cluster.Silos);
        ChaosMember gateway = Any(cluster.Gateways);
        TimeSpan brief = Between(0.1, 2);
        TimeSpan leaseLong = Between(2, 6);
        return kind switch
        {
            0 or 1 or 2 => NoteAsync("silo killed (kill -9)", silo.TryAsync(member => member.KillAsync(brief, CancellationToken.None))),
            3 => NoteAsync("silo stopped and continued (SIGSTOP)", silo.TryAsync(member => member.FreezeAsync(leaseLong))),
            4 => NoteAsync("silo told to stop (SIGTERM)", silo.TryAsync(member => member.StopAsync(brief, CancellationToken.None))),
            5 or 6 => NoteAsync("gateway killed (kill -9)", gateway.TryAsync(member => member.KillAsync(brief, CancellationToken.None))),
            7 => NoteAsync("gateway stopped and continued (SIGSTOP)", gateway.TryAsync(member => member.FreezeAsync(leaseLong))),
            8 => NoteAsync("silo cut from the database", silo.TryAsync(member => member.CutAsync(leaseLong))),
            9 => NoteAsync("gateway cut from the database", gateway.TryAsync(member => member.CutAsync(leaseLong))),
            10 => NoteAsync("PostgreSQL restarted", cluster.TryRestartPostgresAsync(crashes: false, brief)),
            _ => NoteAsync("PostgreSQL crashed", cluster.TryRestartPostgresAsync(crashes: true, brief)),
        };
    }

    private async Task NoteAsync(string name, Task<bool> fault)
    {
        if (await fault)
        {
            note(name);
        }
    }

    private ChaosMember Any(IReadOnlyList<ChaosMember> members) => members[random.Next(members.Count)];

    private TimeSpan Between(double least, double most) => TimeSpan.FromSeconds(least + (random.NextDouble() * (most - least)));
}
