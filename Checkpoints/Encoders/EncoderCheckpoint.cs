using GlmCluster.Checkpoints.Weights;

namespace GlmCluster.Checkpoints.Encoders;

/// <summary>An open folder of an embedding model: its configuration and its mapped weights.</summary>
public sealed class EncoderCheckpoint : IDisposable
{
    private readonly WeightFolder _weights;

    private EncoderCheckpoint(string folder, EncoderConfiguration configuration, EmbeddingRecipe recipe, WeightFolder weights)
    {
        Folder = folder;
        Configuration = configuration;
        Recipe = recipe;
        _weights = weights;
    }

    /// <summary>Full path.</summary>
    public string Folder { get; }

    public EncoderConfiguration Configuration { get; }

    public EmbeddingRecipe Recipe { get; }

    /// <summary>Reads the configuration and maps the weights; no element is read yet.</summary>
    /// <exception cref="CheckpointException">The folder is missing, broken or not supported.</exception>
    public static EncoderCheckpoint Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        string fullPath = Path.GetFullPath(folder);
        if (!Directory.Exists(fullPath))
        {
            throw new CheckpointException($"There is no model folder {fullPath}.");
        }

        EncoderConfiguration configuration = EncoderConfigurationReader.Read(fullPath);
        return new EncoderCheckpoint(
            fullPath, configuration, EmbeddingRecipeReader.Read(fullPath, configuration), WeightFolder.Open(fullPath));
    }

    /// <summary>Finds the encoder's tensors. Their addresses are valid until the checkpoint is disposed.</summary>
    /// <exception cref="CheckpointException">A tensor is missing or not as the configuration asks.</exception>
    public EncoderTensors<TensorView> ReadEncoder()
    {
        try
        {
            return EncoderLayout.Read(Configuration, _weights);
        }
        catch (CheckpointException e)
        {
            throw new CheckpointException($"{Folder}: {e.Message}", e);
        }
    }

    public void Dispose() => _weights.Dispose();
}
