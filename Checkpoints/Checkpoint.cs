using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints;

/// <summary>An open model folder: its configuration and its mapped weights.</summary>
public sealed class Checkpoint : IDisposable
{
    private Checkpoint(string folder, DecoderConfiguration configuration, WeightFolder weights)
    {
        Folder = folder;
        Configuration = configuration;
        Weights = weights;
    }

    /// <summary>Full path.</summary>
    public string Folder { get; }

    public DecoderConfiguration Configuration { get; }

    /// <summary>All stored tensors. Disposed with the checkpoint, and their addresses with them.</summary>
    public IWeightSource Weights { get; }

    /// <summary>Reads the configuration and maps the weights; no element is read yet.</summary>
    /// <exception cref="CheckpointException">The folder is missing, broken or not supported.</exception>
    public static Checkpoint Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string fullPath = Path.GetFullPath(folder);
        if (!Directory.Exists(fullPath))
        {
            throw new CheckpointException($"There is no model folder {fullPath}. `glm model pull ORG/NAME` fetches a published model.");
        }

        DecoderConfiguration configuration = DecoderConfigurationReader.Read(fullPath);
        return new Checkpoint(fullPath, configuration, WeightFolder.Open(fullPath));
    }

    /// <summary>Finds the decoder's tensors.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or not as the configuration asks.</exception>
    public DecoderWeights ReadDecoder()
    {
        try
        {
            return DecoderWeightsReader.Read(Configuration, Weights);
        }
        catch (CheckpointException e)
        {
            throw new CheckpointException($"{Folder}: {e.Message}", e);
        }
    }

    public void Dispose() => Weights.Dispose();
}
