using System.Globalization;
using System.Runtime.InteropServices;

namespace GlmCluster.Engine.Onnx;

/// <summary>A loaded ONNX Runtime with its one environment. Stays loaded until the process ends.</summary>
/// <remarks>Immutable and thread-safe.</remarks>
public sealed unsafe class OnnxRuntimeLibrary
{
    private static readonly Lock LoadLock = new(); // guards Loaded
    private static readonly Dictionary<string, OnnxRuntimeLibrary> Loaded = new(StringComparer.Ordinal);

    private OnnxRuntimeLibrary(string path, string version, OrtApi api)
    {
        Path = path;
        Version = version;
        Api = api;
        Environment = new OnnxEnvironment(api);
        HostMemory = new HostMemoryOwner(api);
        SessionMemory.Register(api, Environment, HostMemory.Pointer);
    }

    /// <summary>Full path of the file.</summary>
    public string Path { get; }

    /// <summary>What the library calls itself, such as <c>1.30.0</c>.</summary>
    public string Version { get; }

    internal OrtApi Api { get; }

    internal OnnxEnvironment Environment { get; }

    internal HostMemoryOwner HostMemory { get; }

    /// <summary>Finds and loads the library; the same file is loaded once.</summary>
    /// <param name="path">File to load; null: the environment variable GLM_ONNXRUNTIME, beside the program, the npm package.</param>
    /// <exception cref="OnnxRuntimeException">No library, or one that cannot be used.</exception>
    public static OnnxRuntimeLibrary Load(string? path = null)
    {
        string file = OnnxRuntimeSearch.Find(path, AppContext.BaseDirectory);
        lock (LoadLock)
        {
            if (!Loaded.TryGetValue(file, out OnnxRuntimeLibrary? library))
            {
                library = Open(file, OrtApi.Version);
                Loaded.Add(file, library);
            }

            return library;
        }
    }

    /// <param name="apiVersion">Version of the function table that is needed; it came with ONNX Runtime 1.<paramref name="apiVersion"/>.</param>
    internal static OnnxRuntimeLibrary Open(string path, uint apiVersion)
    {
        nint* apiBase = LoadBase(path);
        byte* versionText = ((delegate* unmanaged[Cdecl]<byte*>)apiBase[1])();
        string version = Marshal.PtrToStringUTF8((nint)versionText) ?? "of unknown version";
        nint* api = MinorVersion(version) >= apiVersion ? ((delegate* unmanaged[Cdecl]<uint, nint*>)apiBase[0])(apiVersion) : null;
        return api != null
            ? new OnnxRuntimeLibrary(path, version, new OrtApi(api))
            : throw new OnnxRuntimeException($"{path} is ONNX Runtime {version}; version 1.{apiVersion} or newer is needed.");
    }

    private static nint* LoadBase(string path)
    {
        nint library;
        try
        {
            library = NativeLibrary.Load(path);
        }
        catch (Exception fault) when (fault is DllNotFoundException or BadImageFormatException)
        {
            throw new OnnxRuntimeException(
                $"{path} cannot be loaded: it is no native library for {RuntimeInformation.RuntimeIdentifier}, or one that it needs is missing. " +
                $"The system says: {fault.Message.ReplaceLineEndings(" ")}",
                fault);
        }

        return NativeLibrary.TryGetExport(library, "OrtGetApiBase", out nint getApiBase)
            ? ((delegate* unmanaged[Cdecl]<nint*>)getApiBase)()
            : throw new OnnxRuntimeException($"{path} is a native library, but not ONNX Runtime: it has no OrtGetApiBase.");
    }

    /// <summary>API versions count with the second number of <c>1.30.0</c>.</summary>
    private static uint MinorVersion(string version)
    {
        string[] parts = version.Split('.');
        return parts.Length > 1 && uint.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out uint minor) ? minor : 0;
    }
}
