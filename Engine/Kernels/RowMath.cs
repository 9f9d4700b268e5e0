namespace GlmCluster.Engine.Kernels;

/// <summary>Element-wise work on a row of floats of any length.</summary>
internal static unsafe class RowMath<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    /// <summary>target = source · factor; they may be the same row.</summary>
    public static void Scale(float* source, float factor, int count, float* target)
    {
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TSimd.Store(TSimd.Multiply(TSimd.Load(source + i), TSimd.Broadcast(factor)), target + i);
        }

        for (; i < count; i++)
        {
            target[i] = source[i] * factor;
        }
    }

    /// <summary>total = total · totalFactor + other · otherFactor.</summary>
    public static void Combine(float* total, float totalFactor, float* other, float otherFactor, int count)
    {
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector scaled = TSimd.Multiply(TSimd.Load(total + i), TSimd.Broadcast(totalFactor));
            TSimd.Store(TSimd.MultiplyAdd(TSimd.Load(other + i), TSimd.Broadcast(otherFactor), scaled), total + i);
        }

        for (; i < count; i++)
        {
            total[i] = (total[i] * totalFactor) + (other[i] * otherFactor);
        }
    }

    /// <summary>target = source · rsqrt(mean(source²) + epsilon) · weight; source and target may be the same row.</summary>
    public static void Norm(float* source, float* weight, float epsilon, int count, float* target)
    {
        TVector sums = TSimd.Broadcast(0);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector value = TSimd.Load(source + i);
            sums = TSimd.MultiplyAdd(value, value, sums);
        }

        float sum = TSimd.Sum(sums);
        for (; i < count; i++)
        {
            sum += source[i] * source[i];
        }

        float factor = 1 / MathF.Sqrt((sum / count) + epsilon);
        for (i = 0; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector scaled = TSimd.Multiply(TSimd.Load(source + i), TSimd.Broadcast(factor));
            TSimd.Store(TSimd.Multiply(scaled, TSimd.Load(weight + i)), target + i);
        }

        for (; i < count; i++)
        {
            target[i] = source[i] * factor * weight[i];
        }
    }

    /// <summary>target = (x - mean) / √(variance + epsilon) · weight + bias with x = left + right.</summary>
    public static void AddNorm(float* left, float* right, float* weight, float* bias, float epsilon, int count, float* target)
    {
        TVector sums = TSimd.Broadcast(0);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector value = TSimd.Add(TSimd.Load(left + i), TSimd.Load(right + i));
            TSimd.Store(value, target + i);
            sums = TSimd.Add(sums, value);
        }

        float sum = TSimd.Sum(sums);
        for (; i < count; i++)
        {
            target[i] = left[i] + right[i];
            sum += target[i];
        }

        float mean = sum / count;
        float factor = 1 / MathF.Sqrt((SquaredDifferences(target, mean, count) / count) + epsilon);
        for (i = 0; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector scaled = TSimd.Multiply(TSimd.Subtract(TSimd.Load(target + i), TSimd.Broadcast(mean)), TSimd.Broadcast(factor));
            TSimd.Store(TSimd.MultiplyAdd(scaled, TSimd.Load(weight + i), TSimd.Load(bias + i)), target + i);
        }

        for (; i < count; i++)
        {
            target[i] = ((target[i] - mean) * factor * weight[i]) + bias[i];
        }
    }

    private static float SquaredDifferences(float* source, float mean, int count)
    {
        TVector squares = TSimd.Broadcast(0);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            TVector difference = TSimd.Subtract(TSimd.Load(source + i), TSimd.Broadcast(mean));
            squares = TSimd.MultiplyAdd(difference, difference, squares);
        }

        float sum = TSimd.Sum(squares);
        for (; i < count; i++)
        {
            sum += (source[i] - mean) * (source[i] - mean);
        }

        return sum;
    }

    /// <summary>Σ left · right.</summary>
    public static float Dot(float* left, float* right, int count)
    {
        TVector sums = TSimd.Broadcast(0);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            sums = TSimd.MultiplyAdd(TSimd.Load(left + i), TSimd.Load(right + i), sums);
        }

        float sum = TSimd.Sum(sums);
        for (; i < count; i++)
        {
            sum += left[i] * right[i];
        }

        return sum;
    }

    /// <summary>Largest absolute value; NaN if one is NaN.</summary>
    public static float AbsoluteMaximum(float* source, int count)
    {
        TVector peak = TSimd.Broadcast(0);
        int i = 0;
        for (; i <= count - TSimd.Width; i += TSimd.Width)
        {
            peak = TSimd.Max(peak, TSimd.Abs(TSimd.Load(source + i)));
        }

        float maximum = TSimd.MaxLane(peak);
        for (; i < count; i++)
        {
            maximum = MathF.Max(maximum, MathF.Abs(source[i]));
        }

        return maximum;
    }
}
