namespace GlmCluster.Engine.Kernels.Experts;

/// <summary>Σ weight · down(silu(gate x) ⊙ up x) over each token's experts. Experts that no token chose are not touched.</summary>
/// <remarks>
/// A step is <see cref="Begin"/>, then each phase in turn: every unit of it once, in any order and on any threads, all finished before the
/// next phase. Rows of bytes meet a single token as they are, and several tokens widened, to the same bits. A token's experts are added in rising order, so neither the other tokens nor the threads change a bit. Warm steps allocate nothing.
/// </remarks>
internal sealed unsafe class ExpertFeedForward(RoutingShape shape, SimdWidth width, int workers) : IDisposable
{
    /// <summary>Columns of the intermediate width in a unit; a multiple of the rows that a product takes together.</summary>
    private const int GateTile = 16;

    /// <summary>Output columns in a unit.</summary>
    private const int OutputTile = 32;

    private readonly RowProduct _product = RowProduct.Create(width);
    private readonly ExpertGroups _groups = new(shape);
    private readonly ScratchMemory _intermediate = new();
    private readonly ScratchMemory _widened = new();

    private ExpertStep _step;
    private float* _gated; // (slots, width)
    private float* _rows; // per worker 2 · 4 widened weight rows
    private long _workerFloats;

    /// <summary>Products of numbers in the step, roughly.</summary>
    public long Work => (long)_step.Tokens * shape.PerToken * _step.Down.Columns * _step.Down.Rows * 3;

    private int GateTiles => (_step.Down.Columns + GateTile - 1) / GateTile;

    /// <summary>Chooses experts and divides the work.</summary>
    public void Begin(in ExpertStep step)
    {
        _step = step;
        _groups.Make(step.RouterLogits, step.Correction, step.Tokens);
        _gated = _intermediate.Take<float>((long)step.Tokens * shape.PerToken * step.Down.Columns);
        _workerFloats = 2L * RowProduct.WeightRows * Math.Max(step.GateUp.PaddedColumns, step.Down.PaddedColumns);
        _rows = _widened.Take<float>(workers * _workerFloats);
    }

    /// <summary>Units of a phase.</summary>
    public int Count(ExpertPhase phase) => phase == ExpertPhase.GateUp
        ? _groups.ActiveCount * GateTiles
        : (_step.Down.Rows + OutputTile - 1) / OutputTile;

    /// <summary>Runs one unit of a phase.</summary>
    /// <param name="worker">Number of the calling thread's share; no two at once may have the same.</param>
    public void Run(ExpertPhase phase, int unit, int worker)
    {
        float* memory = _rows + (worker * _workerFloats);
        if (phase == ExpertPhase.GateUp)
        {
            RunGateUp(_groups.Active(unit / GateTiles), unit % GateTiles * GateTile, memory);
        }
        else
        {
            RunDown(unit * OutputTile, memory);
        }
    }

    public void Dispose()
    {
        _groups.Dispose();
        _intermediate.Dispose();
        _widened.Dispose();
    }

    private void RunGateUp(int expert, int firstColumn, float* memory)
    {
        int width = _step.Down.Columns;
        int hidden = _step.GateUp.Columns;
        int first = _groups.Start(expert);
        int count = _groups.Count(expert);
        byte* gateRows = stackalloc byte[WeightRows.ByteLength];
        byte* upRows = stackalloc byte[WeightRows.ByteLength];
        var gate = new WeightRows(gateRows, count == 1);
        var up = new WeightRows(upRows, count == 1);
        float* gates = stackalloc float[2 * RowProduct.WeightRows];
        float* ups = stackalloc float[2 * RowProduct.WeightRows];
        float* upMemory = memory + (RowProduct.WeightRows * _step.GateUp.PaddedColumns);
        for (int column = firstColumn; column < Math.Min(width, firstColumn + GateTile); column += RowProduct.WeightRows)
        {
            int columns = Math.Min(RowProduct.WeightRows, width - column);
            gate.Take(_step.GateUp, expert, column, columns, memory);
            up.Take(_step.GateUp, expert, width + column, columns, upMemory);
            for (int i = 0; i < count; i += 2)
            {
                float* x = _step.Input + ((long)_groups.Tokens[first + i] * hidden);
                float* y = i + 1 < count ? _step.Input + ((long)_groups.Tokens[first + i + 1] * hidden) : null;
                gate.Multiply(_product, x, y, hidden, gates);
                up.Multiply(_product, x, y, hidden, ups);
                Gate(gates, ups, columns, _gated + ((long)(first + i) * width) + column);
                if (y != null)
                {
                    Gate(gates + RowProduct.WeightRows, ups + RowProduct.WeightRows, columns, _gated + ((long)(first + i + 1) * width) + column);
                }
            }
        }
    }

    private static void Gate(float* gates, float* ups, int count, float* target)
    {
        for (int i = 0; i < count; i++)
        {
            target[i] = gates[i] / (1 + MathF.Exp(-gates[i])) * ups[i];
        }
    }

    private void RunDown(int firstColumn, float* memory)
    {
        int outputs = _step.Down.Rows;
        int endColumn = Math.Min(outputs, firstColumn + OutputTile);
        for (int token = 0; token < _step.Tokens; token++)
        {
            new Span<float>(_step.Output + ((long)token * outputs) + firstColumn, endColumn - firstColumn).Clear();
        }

        for (int active = 0; active < _groups.ActiveCount; active++)
        {
            for (int column = firstColumn; column < endColumn; column += RowProduct.WeightRows)
            {
                AddDown(_groups.Active(active), column, Math.Min(RowProduct.WeightRows, endColumn - column), memory);
            }
        }
    }

    private void AddDown(int expert, int column, int columns, float* memory)
    {
        int width = _step.Down.Columns;
        int first = _groups.Start(expert);
        int count = _groups.Count(expert);
        byte* rows = stackalloc byte[WeightRows.ByteLength];
        var weights = new WeightRows(rows, count == 1);
        float* sums = stackalloc float[2 * RowProduct.WeightRows];
        weights.Take(_step.Down, expert, column, columns, memory);
        for (int i = 0; i < count; i += 2)
        {
            float* x = _gated + ((long)(first + i) * width);
            bool isPair = i + 1 < count;
            weights.Multiply(_product, x, isPair ? x + width : null, width, sums);
            AddWeighted(sums, first + i, column, columns);
            if (isPair)
            {
                AddWeighted(sums + RowProduct.WeightRows, first + i + 1, column, columns);
            }
        }
    }

    private void AddWeighted(float* sums, int slot, int column, int columns)
    {
        float* output = _step.Output + ((long)_groups.Tokens[slot] * _step.Down.Rows) + column;
        for (int i = 0; i < columns; i++)
        {
            output[i] += _groups.Weights[slot] * sums[i];
        }
    }
}

/// <summary>What one run reads and writes.</summary>
internal unsafe struct ExpertStep
{
    /// <summary>Shape (tokens, hidden).</summary>
    public float* Input;

    /// <summary>Shape (tokens, experts).</summary>
    public float* RouterLogits;

    /// <summary>Shape (experts,).</summary>
    public float* Correction;

    /// <summary>Per expert [2·width, hidden], gate rows first.</summary>
    public PackedMatrix GateUp;

    /// <summary>Per expert [hidden, width].</summary>
    public PackedMatrix Down;

    /// <summary>Shape (tokens, hidden).</summary>
    public float* Output;

    public int Tokens;
}

/// <summary>Parts of a step, in order.</summary>
internal enum ExpertPhase
{
    /// <summary>Tokens meet their experts' first matrices.</summary>
    GateUp,

    /// <summary>And the second ones; results are weighted and added.</summary>
    Down,
}
