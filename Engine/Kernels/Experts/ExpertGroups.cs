namespace GlmCluster.Engine.Kernels.Experts;

/// <summary>A step's pairs of token and expert, grouped by expert: within an expert by rising token. Warm use allocates nothing.</summary>
internal sealed unsafe class ExpertGroups(RoutingShape shape) : IDisposable
{
    private readonly ExpertRouter _router = new(shape);
    private readonly ScratchMemory _memory = new();
    private int* _starts;
    private int* _active;
    private int* _tokens;
    private float* _weights;

    /// <summary>Experts that have tokens.</summary>
    public int ActiveCount { get; private set; }

    /// <summary>Number of the i-th expert that has tokens, rising.</summary>
    public int Active(int index) => _active[index];

    /// <summary>First slot of an expert; slots of an expert follow one another.</summary>
    public int Start(int expert) => _starts[expert];

    public int Count(int expert) => _starts[expert + 1] - _starts[expert];

    /// <summary>Token of each slot, shape (tokens · per token,).</summary>
    public int* Tokens => _tokens;

    /// <summary>Weight of each slot.</summary>
    public float* Weights => _weights;

    /// <param name="logits">Shape (tokens, experts).</param>
    /// <param name="correction">Shape (experts,).</param>
    public void Make(float* logits, float* correction, int tokens)
    {
        int slots = tokens * shape.PerToken;
        int experts = shape.Experts;
        byte* memory = _memory.Take<byte>((((2L * experts) + 1 + (2L * slots)) * sizeof(int)) + (2L * slots * sizeof(float)));
        _starts = (int*)memory;
        _active = _starts + experts + 1;
        _tokens = _active + experts;
        int* chosen = _tokens + slots;
        _weights = (float*)(chosen + slots);
        float* chosenWeights = _weights + slots;
        for (int token = 0; token < tokens; token++)
        {
            _router.Route(
                new ReadOnlySpan<float>(logits + ((long)token * experts), experts),
                new ReadOnlySpan<float>(correction, experts),
                new Span<int>(chosen + (token * shape.PerToken), shape.PerToken),
                new Span<float>(chosenWeights + (token * shape.PerToken), shape.PerToken));
        }

        Sort(chosen, chosenWeights, slots);
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>A counting sort by expert; it keeps the order of tokens.</summary>
    private void Sort(int* chosen, float* chosenWeights, int slots)
    {
        new Span<int>(_starts, shape.Experts + 1).Clear();
        for (int i = 0; i < slots; i++)
        {
            _starts[chosen[i]]++;
        }

        ActiveCount = 0;
        int end = 0;
        for (int expert = 0; expert < shape.Experts; expert++)
        {
            if (_starts[expert] > 0)
            {
                _active[ActiveCount++] = expert;
            }

            end += _starts[expert];
            _starts[expert] = end;
        }

        _starts[shape.Experts] = end;
        for (int i = slots - 1; i >= 0; i--)
        {
            int slot = --_starts[chosen[i]];
            _tokens[slot] = i / shape.PerToken;
            _weights[slot] = chosenWeights[i];
        }
    }
}
