using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>A node that treats rows apart: they are divided among threads.</summary>
internal abstract class RowsKernel(int workers) : OperatorKernel
{
    /// <summary>Waking threads takes about as long as so many numbers.</summary>
    private const long SerialNumbers = 1 << 14;

    private int _rows;
    private int _shares;

    /// <summary>Runs all rows.</summary>
    protected void RunRows(KernelContext context, int rows, int columns)
    {
        _rows = rows;
        _shares = (long)rows * columns < SerialNumbers ? 1 : Math.Min(workers, rows);
        if (_shares == 1)
        {
            Run(0, rows);
        }
        else
        {
            Share(context, _shares);
        }
    }

    /// <summary>Runs neighbouring rows.</summary>
    protected abstract void Run(int firstRow, int endRow);

    protected override void Work(int share) =>
        Run((int)((long)_rows * share / _shares), (int)((long)_rows * (share + 1) / _shares));
}
