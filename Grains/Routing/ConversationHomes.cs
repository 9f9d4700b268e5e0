using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Grains.Routing;

/// <summary>Where conversations were last answered, as far as one process remembers; the oldest are forgotten. Used under its owner's lock.</summary>
internal sealed class ConversationHomes(int most = 10_000)
{
    private readonly Dictionary<GenerationId, LinkedListNode<(GenerationId Id, Guid Worker, string? NumericsClass)>> _byId = [];
    private readonly LinkedList<(GenerationId Id, Guid Worker, string? NumericsClass)> _byUse = [];

    /// <returns>The worker of the last turn and the numerics class of the first; nulls: not known.</returns>
    public (Guid? Worker, string? NumericsClass) Find(GenerationId conversation) =>
        _byId.TryGetValue(conversation, out var home) ? (home.Value.Worker, home.Value.NumericsClass) : (null, null);

    public void Note(GenerationId conversation, Guid worker, string? numericsClass)
    {
        if (_byId.Remove(conversation, out var home))
        {
            numericsClass = home.Value.NumericsClass ?? numericsClass;
            _byUse.Remove(home);
        }
        else if (_byId.Count >= most)
        {
            _byId.Remove(_byUse.First!.Value.Id);
            _byUse.RemoveFirst();
        }

        _byId[conversation] = _byUse.AddLast((conversation, worker, numericsClass));
    }
}
