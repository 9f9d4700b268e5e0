using System.Runtime.InteropServices;

namespace GlmCluster.Cli.Serve;

/// <summary>
/// Turns signals into cancelled tokens. The first one asks the process to end; SIGTERM leaves it time to finish, Ctrl+C or a second signal does not;
/// one more ends it as usual.
/// </summary>
internal sealed class ShutdownSignals : IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private readonly CancellationTokenSource _hurry = new();
    private readonly PosixSignalRegistration[] _registrations;

    public ShutdownSignals() =>
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];

    /// <summary>The process is to end.</summary>
    public CancellationToken Stopping => _stopping.Token;

    /// <summary>The process is to end at once.</summary>
    public CancellationToken Hurry => _hurry.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
        {
            registration.Dispose();
        }

        _stopping.Dispose();
        _hurry.Dispose();
    }

    /// <summary>Runs what finishes before the end, for as long as there is time.</summary>
    /// <param name="timeout">Most time.</param>
    /// <param name="finish">Returns early when its token fires.</param>
    public async Task FinishAsync(TimeSpan timeout, Func<CancellationToken, Task> finish)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(Hurry);
        over.CancelAfter(timeout);
        if (!Hurry.IsCancellationRequested)
        {
            await finish(over.Token);
        }
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = !_hurry.IsCancellationRequested;
        if (context.Signal == PosixSignal.SIGINT || _stopping.IsCancellationRequested)
        {
            _hurry.Cancel();
        }

        _stopping.Cancel();
    }
}
