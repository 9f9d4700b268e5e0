using GlmCluster.Bench;
using GlmCluster.Checkpoints;
using GlmCluster.Cli.Chaos;
using GlmCluster.Cli.Chat;
using GlmCluster.Cli.Control;
using GlmCluster.Cli.Hub;
using GlmCluster.Cli.LocalCluster;
using GlmCluster.Engine.Devices;
using GlmCluster.Engine.Onnx;
using GlmCluster.Grains.Stores;

namespace GlmCluster.Cli.Help;

/// <summary>Errors whose message is written for the user: it names what was found and the remedy, and needs no stack trace.</summary>
internal static class ExpectedErrors
{
    public static bool Include(Exception error) =>
        error is CheckpointException or OnnxRuntimeException or DeviceException or StoreException or ChatException or BenchException or LocalClusterException
            or ChaosException or ControlException or HubException or IOException or UnauthorizedAccessException or HttpRequestException or OperationCanceledException;
}
