namespace GlmCluster.Engine.Kernels.Experts;

/// <summary>Four weight rows of an expert, as products with its tokens need them.</summary>
/// <param name="memory">Room for <see cref="ByteLength"/> bytes: four pointers and four factors.</param>
/// <param name="isForOne">They meet one token only: then bytes are widened while they are multiplied, which no second token would profit from.</param>
internal unsafe ref struct WeightRows(byte* memory, bool isForOne)
{
    public const int ByteLength = RowProduct.WeightRows * (sizeof(ulong) + sizeof(float));

    private readonly byte** _rows = (byte**)memory;
    private readonly float* _scales = (float*)(memory + (RowProduct.WeightRows * sizeof(ulong)));
    private readonly bool _isForOne = isForOne;
    private bool _areBytes;

    /// <summary>Takes the rows; where there are fewer than four, the last takes the others' places.</summary>
    /// <param name="widened">Room for four widened rows.</param>
    public void Take(in PackedMatrix matrix, int expert, int row, int count, float* widened)
    {
        _areBytes = _isForOne && matrix.Element == PackedElement.Bits8;
        for (int i = 0; i < RowProduct.WeightRows; i++)
        {
            int taken = row + Math.Min(i, count - 1);
            _scales[i] = matrix.RowScale(expert, taken);
            _rows[i] = i >= count ? _rows[i - 1]
                : _areBytes ? matrix.Bytes(expert, taken)
                : (byte*)matrix.UnscaledRow(expert, taken, widened + ((long)i * matrix.PaddedColumns));
        }
    }

    /// <param name="product">Multiplies.</param>
    /// <param name="first">A token's row.</param>
    /// <param name="second">Another's; null: there is none.</param>
    /// <param name="columns">Width of all rows.</param>
    /// <param name="sums">Receives four products of the first, then four of the second.</param>
    public readonly void Multiply(RowProduct product, float* first, float* second, int columns, float* sums)
    {
        if (_areBytes)
        {
            product.MultiplyBytes((sbyte**)_rows, first, columns, sums);
        }
        else if (second == null)
        {
            product.Multiply((float**)_rows, first, columns, sums);
        }
        else
        {
            product.MultiplyTwo((float**)_rows, first, second, columns, sums);
        }

        for (int i = 0; i < RowProduct.WeightRows; i++)
        {
            sums[i] *= _scales[i];
            sums[RowProduct.WeightRows + i] *= _scales[i];
        }
    }
}
