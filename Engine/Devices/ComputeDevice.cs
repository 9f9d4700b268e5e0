using GlmCluster.Engine.Decoding;
using GlmCluster.Engine.Graph.Linears;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Devices;

/// <summary>What differs between devices when a decoder is built.</summary>
internal abstract class ComputeDevice
{
    /// <summary>Tokens in a block of the KV cache.</summary>
    public abstract int BlockTokens { get; }

    /// <summary>Finds a device.</summary>
    /// <exception cref="DeviceException">It cannot be had; says what is missing.</exception>
    public static ComputeDevice Open(OnnxRuntimeLibrary library, DeviceName name)
    {
        if (name.Kind == DeviceKind.Cpu)
        {
            return new CpuDevice(library);
        }

        // The library may list the provider although its file is not there: it is loaded on first use.
        string provider = Path.Combine(Path.GetDirectoryName(library.Path) ?? "", CudaProviderFile);
        throw new DeviceException(File.Exists(provider)
            ? $"{name} cannot be had: this version runs decoders on the CPU only; use cpu:0."
            : $"{name} cannot be had: ONNX Runtime {library.Version} in {library.Path} comes without a CUDA provider ({CudaProviderFile}). Build " +
              "with -p:WithOnnxRuntimeGpu=true from a package feed that has Microsoft.ML.OnnxRuntime.Gpu, and install CUDA and cuDNN.");
    }

    private static string CudaProviderFile =>
        OperatingSystem.IsWindows() ? "onnxruntime_providers_cuda.dll" : "libonnxruntime_providers_cuda.so";

    /// <summary>Options for a session on this device, with the operators that it lacks.</summary>
    public abstract OnnxSessionOptions CreateSessionOptions(int threads, KvFormat kvFormat);

    /// <summary>The way matrices of a format are multiplied here.</summary>
    public abstract LinearFormat CreateLinear(WeightFormat format, WeightLoader loader);
}
