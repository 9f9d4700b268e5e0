namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>Layers of a decoder in a row: what one stage computes. The first stage looks embeddings up, the last one has the head.</summary>
/// <param name="First">Index of the first layer.</param>
/// <param name="Count">At least 1.</param>
public readonly record struct LayerRange(int First, int Count)
{
    /// <summary>Index behind the last layer.</summary>
    public int End => First + Count;

    /// <summary>Cuts layers into stages that cost about the same.</summary>
    /// <param name="layerCosts">Cost of each layer, any unit.</param>
    /// <param name="headCost">Cost of the head, which the last stage has.</param>
    /// <param name="stages">From 1 to the number of layers.</param>
    public static LayerRange[] Cut(IReadOnlyList<long> layerCosts, long headCost, int stages)
    {
        ArgumentNullException.ThrowIfNull(layerCosts);
        ArgumentOutOfRangeException.ThrowIfLessThan(stages, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(stages, layerCosts.Count);
        double share = (layerCosts.Sum() + headCost) / (double)stages;
        var ranges = new LayerRange[stages];
        int first = 0;
        double before = 0;
        for (int stage = 0; stage < stages; stage++)
        {
            int most = layerCosts.Count - (stages - 1 - stage); // the stages behind need one layer each
            int end = first + 1;
            before += layerCosts[first];
            while (end < most && (stage == stages - 1 || before + (layerCosts[end] / 2.0) <= share * (stage + 1)))
            {
                before += layerCosts[end++];
            }

            ranges[stage] = new LayerRange(first, end - first);
            first = end;
        }

        return ranges;
    }
}
