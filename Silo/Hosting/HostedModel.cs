using GlmCluster.Silo.Loading;
using GlmCluster.Silo.Workers;

namespace GlmCluster.Silo.Hosting;

/// <summary>A model that this process runs.</summary>
public sealed class HostedModel
{
    private readonly bool _ownsModel;
    private readonly WorkerSupervisor _supervisor;
    private readonly Lock _lock = new(); // guards _stopped
    private Task? _stopped;

    internal HostedModel(LoadedModel model, WorkerSupervisor supervisor, bool ownsModel)
    {
        Model = model;
        _supervisor = supervisor;
        _ownsModel = ownsModel;
    }

    public LoadedModel Model { get; }

    public string Name => Model.Card.Model.Name;

    public MemoryClaim Memory => new(Name, Model.Sizes.WeightBytes, Model.Sizes.KvBytes);

    /// <summary>Sequences that run or wait.</summary>
    public int Sequences => _supervisor.Engine.Running + _supervisor.Engine.Waiting;

    /// <summary>It takes no new work and goes once its last generation has ended or moved.</summary>
    public bool IsLeaving { get; private set; }

    internal HostedModel Leave()
    {
        IsLeaving = true;
        return this;
    }

    internal Task DrainAsync(CancellationToken cancellationToken) => _supervisor.DrainAsync(cancellationToken);

    /// <summary>Gives its work away and its memory back; a second call waits for the first.</summary>
    internal Task StopAsync()
    {
        lock (_lock)
        {
            return _stopped ??= StopOnceAsync();
        }
    }

    private async Task StopOnceAsync()
    {
        await _supervisor.DisposeAsync();
        if (_ownsModel)
        {
            Model.Dispose();
        }
    }
}
