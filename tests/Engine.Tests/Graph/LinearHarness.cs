using GlmCluster.Checkpoints.Weights;
using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Graph;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Tests.Graph;

/// <summary>Runs one linear layer with made-up bf16 weights in two parts and a bias.</summary>
internal static unsafe class LinearHarness
{
    /// <summary>Numbers between -1 and 1.</summary>
    public static float[] Numbers(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() * 2) - 1)];
    }

    /// <param name="input">Shape (rows, columns); gated: (rows, 2 · columns).</param>
    /// <param name="outputs">Rows of the matrix.</param>
    /// <returns>Shape (rows, outputs).</returns>
    public static float[] Run(Func<WeightLoader, LinearFormat> create, float[] input, int rows, int outputs, bool isGated = false)
    {
        OnnxRuntimeLibrary library = OnnxRuntimeLibrary.Load();
        int inputColumns = input.Length / rows;
        int columns = isGated ? inputColumns / 2 : inputColumns;
        ushort[] weights = [.. Numbers(outputs * columns, seed: 7).Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))];
        float[] biases = Numbers(outputs, seed: 8);
        float[] output = new float[rows * outputs];
        using OnnxSessionOptions options = ComputeDevice.Open(library, new DeviceName(DeviceKind.Cpu, 0)).CreateSessionOptions(threads: 1, KvFormat.F32);
        using var graph = new GraphBuilder(library);
        fixed (ushort* weightData = weights)
        fixed (float* inputData = input, outputData = output, biasData = biases)
        {
            int firstRows = outputs / 3;
            var matrix = new WeightMatrix(
                Part("first", (nint)weightData, firstRows, columns),
                Part("second", (nint)(weightData + (firstRows * columns)), outputs - firstRows, columns));
            graph.Input("x", TensorElement.F32, -1, inputColumns);
            string bias = graph.Constant("bias", TensorElement.F32, [outputs], (nint)biasData, outputs * sizeof(float));
            LinearFormat format = create(new WeightLoader(threads: 2, totalBytes: 1, progress: null));
            string y = isGated ? format.AddGated(graph, "linear", "x", matrix, bias) : format.Add(graph, "linear", "x", matrix, bias);
            graph.Output(y, TensorElement.F32, -1, outputs);
            using OnnxSession session = graph.Build(options);
            using var binding = new OnnxBinding(library, session);
            using var run = new OnnxRunOptions(library.Api);
            binding.BindInput("x\0"u8, TensorElement.F32, [rows, inputColumns], (nint)inputData, input.Length * sizeof(float));
            binding.BindOutput(OrtApi.Utf8(y), TensorElement.F32, [rows, outputs], (nint)outputData, output.Length * sizeof(float));
            session.Run(run, binding);
        }

        return output;
    }

    private static TensorView Part(string name, nint address, int rows, int columns) =>
        new(name, TensorType.BF16, [rows, columns], address, (long)rows * columns * sizeof(ushort));
}
