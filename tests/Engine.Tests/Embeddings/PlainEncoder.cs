using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Engine.Tests.Embeddings;

/// <summary>A BERT in plain loops of doubles, whose linear layers round weights and activations to 8 bits with a scale per row.</summary>
internal static class PlainEncoder
{
    public static float[] MeanInInt8(EncoderConfiguration configuration, EncoderTensors<TensorView> tensors, int[] ids)
    {
        double[] type = Row(tensors.TokenTypes, 0);
        double[][] hidden =
        [
            .. ids.Select((id, position) => Norm(
                Add(Add(Row(tensors.Words, id), type), Row(tensors.Positions, position)), tensors.EmbeddingNorm, configuration.NormEpsilon)),
        ];
        foreach (EncoderLayerTensors<TensorView> layer in tensors.Layers)
        {
            double[][] packed = [.. hidden.Select(row => Linear(row, layer.QueryKeyValue))];
            double[][] attended = Attend(packed, configuration.Heads);
            hidden = [.. hidden.Select((row, i) => Norm(
                Add(row, Linear(attended[i], layer.AttentionOutput)), layer.AttentionNorm, configuration.NormEpsilon))];
            hidden = [.. hidden.Select(row => Norm(
                Add(row, Linear([.. Linear(row, layer.Up).Select(Gelu)], layer.Down)), layer.FeedForwardNorm, configuration.NormEpsilon))];
        }

        return [.. Enumerable.Range(0, configuration.HiddenSize).Select(column => (float)hidden.Average(row => row[column]))];
    }

    /// <summary>x · Φ(x), with Φ by Simpson's rule over the density.</summary>
    public static double Gelu(double x)
    {
        const int Steps = 2000;
        double end = Math.Min(Math.Abs(x), 9);
        double step = end / Steps;
        double sum = 0;
        for (int i = 0; i <= Steps; i++)
        {
            double weight = i is 0 or Steps ? 1 : i % 2 == 1 ? 4 : 2;
            sum += weight * Math.Exp(-(i * step) * (i * step) / 2);
        }

        double half = sum * step / 3 / Math.Sqrt(2 * Math.PI);
        return x * (0.5 + (Math.Sign(x) * half));
    }

    private static double[][] Attend(double[][] packed, int heads)
    {
        int hidden = packed[0].Length / 3;
        int width = hidden / heads;
        double[][] output = [.. packed.Select(_ => new double[hidden])];
        for (int head = 0; head < heads; head++)
        {
            for (int row = 0; row < packed.Length; row++)
            {
                int start = head * width;
                double[] weights = [.. packed.Select(key => Math.Exp(
                    Enumerable.Range(start, width).Sum(d => packed[row][d] * key[hidden + d]) / Math.Sqrt(width)))];
                double total = weights.Sum();
                for (int d = start; d < start + width; d++)
                {
                    output[row][d] = packed.Zip(weights, (value, weight) => value[(2 * hidden) + d] * weight).Sum() / total;
                }
            }
        }

        return output;
    }

    private static double[] Linear(double[] input, LinearTensors<TensorView> tensors)
    {
        double[] rounded = Quantize(input);
        IEnumerable<double> products = tensors.Weight.SelectMany(part => Enumerable.Range(0, (int)part.Shape[0]).Select(row => Dot(rounded, Quantize(Row(part, row)))));
        return [.. products.Zip(tensors.Bias.SelectMany(part => Row(part, 0)), (product, bias) => product + bias)];
    }

    private static double[] Quantize(double[] row)
    {
        float largest = (float)row.Max(Math.Abs);
        float factor = largest > 0 ? 127 / largest : 0;
        return [.. row.Select(value => (double)(MathF.Round((float)value * factor) * (largest / 127)))];
    }

    private static double[] Norm(double[] row, NormTensors<TensorView> norm, double epsilon)
    {
        double mean = row.Average();
        double factor = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + epsilon);
        (double[] weight, double[] bias) = (Row(norm.Weight, 0), Row(norm.Bias!, 0));
        return [.. row.Select((value, i) => ((value - mean) * factor * weight[i]) + bias[i])];
    }

    private static double Dot(double[] left, double[] right) => left.Zip(right, (a, b) => a * b).Sum();

    private static double[] Add(double[] left, double[] right) => [.. left.Zip(right, (a, b) => a + b)];

    private static double[] Row(TensorView tensor, int row)
    {
        float[] values = new float[tensor.Shape[^1]];
        TensorConverter.Read(tensor, (long)row * values.Length, values);
        return [.. values.Select(value => (double)value)];
    }
}
