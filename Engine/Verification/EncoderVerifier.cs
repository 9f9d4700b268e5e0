using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Encoders;
using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Embeddings;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Verification;

/// <summary>
/// Compares an encoder's folder, computed with f32 weights, with the reference file that lies in it: <c>input_ids</c> and <c>attention_mask</c>
/// [texts, length], padded on the right, <c>last_hidden_state</c> [texts, length, hidden] and, where it is there, <c>mean</c> [texts, hidden].
/// </summary>
public static class EncoderVerifier
{
    /// <exception cref="CheckpointException">The folder or its reference is missing, broken or not supported.</exception>
    /// <exception cref="OnnxRuntimeException">The native library cannot be had.</exception>
    public static EncoderReport Verify(string folder, string? libraryPath, int threads, IProgress<LoadProgress>? progress)
    {
        ArgumentNullException.ThrowIfNull(folder);
        using EncoderCheckpoint checkpoint = EncoderCheckpoint.Open(folder);
        using SafetensorsFile golden = FolderVerifier.OpenGolden(folder);
        TensorView idTensor = Require(golden, "input_ids");
        long[] shape = [.. idTensor.Shape];
        ReadOnlySpan<long> ids = Read<long>(idTensor);
        ReadOnlySpan<long> mask = Read<long>(Require(golden, "attention_mask"));
        ReadOnlySpan<float> expected = Read<float>(Require(golden, "last_hidden_state"));
        int hidden = checkpoint.Configuration.HiddenSize;
        if (shape.Length != 2 || mask.Length != ids.Length || expected.Length != (long)ids.Length * hidden)
        {
            throw new CheckpointException($"The reference does not fit the model: it needs input_ids [texts, length] and vectors of {hidden} numbers.");
        }

        var options = new EncoderRunnerOptions { Threads = threads, MaxStepTokens = ids.Length };
        using EncoderRunner runner = EncoderRunner.Load(
            OnnxRuntimeLibrary.Load(libraryPath), checkpoint.Configuration, checkpoint.ReadEncoder(), options, progress, CancellationToken.None);
        (int[][] texts, int[] rows) = Pack(ids, mask, (int)shape[1]);
        var batch = new EncoderBatch(ids.Length);
        Array.ForEach(texts, text => batch.Add(text));
        ReadOnlySpan<float> found = runner.Run(batch);
        float difference = 0;
        for (int row = 0; row < rows.Length; row++)
        {
            difference = Larger(difference, Difference(found.Slice(row * hidden, hidden), expected.Slice(rows[row] * hidden, hidden)));
        }

        return new EncoderReport(texts.Length, rows.Length, difference, ComparePooled(golden, texts, found, hidden));
    }

    /// <summary>Leaves padding out.</summary>
    /// <returns>Ids of each text, and the row of the reference for each token.</returns>
    private static (int[][] Texts, int[] Rows) Pack(ReadOnlySpan<long> ids, ReadOnlySpan<long> mask, int length)
    {
        List<int[]> texts = [];
        List<int> rows = [];
        for (int start = 0; start < ids.Length; start += length)
        {
            List<int> text = [];
            for (int i = start; i < start + length; i++)
            {
                if (mask[i] != 0)
                {
                    text.Add((int)ids[i]);
                    rows.Add(i);
                }
            }

            texts.Add([.. text]);
        }

        return ([.. texts], [.. rows]);
    }

    private static float ComparePooled(SafetensorsFile golden, int[][] texts, ReadOnlySpan<float> found, int hidden)
    {
        if (golden.Find("mean") is not { } mean)
        {
            return 0;
        }

        var recipe = new EmbeddingRecipe([PoolingMode.Mean], Normalizes: false, int.MaxValue);
        ReadOnlySpan<float> expected = Read<float>(mean);
        float[] pooled = new float[hidden];
        float difference = 0;
        for (int text = 0, start = 0; text < texts.Length; start += texts[text++].Length)
        {
            TextPooling.Pool(found.Slice(start * hidden, texts[text].Length * hidden), recipe, hidden, pooled);
            difference = Larger(difference, Difference(pooled, expected.Slice(text * hidden, hidden)));
        }

        return difference;
    }

    private static float Difference(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        float largest = 0;
        for (int i = 0; i < found.Length; i++)
        {
            largest = Larger(largest, MathF.Abs(found[i] - expected[i]));
        }

        return largest;
    }

    /// <summary>What is not a number counts as infinite.</summary>
    private static float Larger(float left, float right) => float.IsNaN(right) ? float.PositiveInfinity : Math.Max(left, right);

    private static TensorView Require(SafetensorsFile golden, string name) =>
        golden.Find(name) ?? throw new CheckpointException($"The reference has no tensor \"{name}\".");

    private static unsafe ReadOnlySpan<T> Read<T>(TensorView tensor)
        where T : unmanaged => new((void*)tensor.Address, checked((int)(tensor.ByteLength / sizeof(T))));
}

/// <summary>How an encoder's vectors compare with reference vectors.</summary>
/// <param name="Texts">Texts run.</param>
/// <param name="Tokens">Tokens whose vectors were compared.</param>
/// <param name="LargestDifference">Largest |difference| of two numbers of a token; infinite where one is not a number.</param>
/// <param name="LargestPooledDifference">The same of the texts' mean vectors; 0 where the reference has none.</param>
public sealed record EncoderReport(int Texts, int Tokens, float LargestDifference, float LargestPooledDifference)
{
    public bool Passes(float limit) => LargestDifference <= limit && LargestPooledDifference <= limit;
}
