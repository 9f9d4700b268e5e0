using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Checkpoints.Files;

namespace GlmCluster.Checkpoints.Families.Glm4Moe;

/// <summary>Reads what <c>config.json</c> says of experts.</summary>
internal static class ExpertKeys
{
    private const string LayerTypes = "mlp_layer_types";

    public static ExpertConfiguration Read(JsonKeys keys, int layers)
    {
        int count = keys.Integer("n_routed_experts", 1, DecoderLimits.Experts);
        int width = keys.Integer("moe_intermediate_size", 1, DecoderLimits.Width);
        int groups = keys.Integer("n_group", 1, count, absent: 1);
        if (count % groups != 0)
        {
            throw keys.Refuse("n_group", $"a divisor of the {count} experts");
        }

        int topGroups = keys.Integer("topk_group", 1, groups, absent: 1);
        int perToken = keys.Integer("num_experts_per_tok", 1, count / groups * topGroups);
        return new ExpertConfiguration(
            count,
            perToken,
            width,
            SharedWidth: keys.Integer("n_shared_experts", 0, DecoderLimits.Width / width, absent: 0) * width,
            DenseLayers(keys, layers),
            groups,
            topGroups,
            NormalizesWeights: keys.Flag("norm_topk_prob", absent: true),
            WeightScale: (float)keys.Number("routed_scaling_factor", 0, 1000, absent: 1));
    }

    /// <summary>Newer files list every layer's type, older ones count the first dense layers.</summary>
    private static int DenseLayers(JsonKeys keys, int layers)
    {
        if (!keys.Has(LayerTypes))
        {
            return keys.Integer("first_k_dense_replace", 0, layers, absent: 1);
        }

        IReadOnlyList<string> types = keys.Texts(LayerTypes);
        int dense = types.TakeWhile(type => type == "dense").Count();
        return types.Count == layers && types.Skip(dense).All(type => type == "sparse")
            ? dense
            : throw keys.Refuse(LayerTypes, $"{layers} layers, first \"dense\" ones and then \"sparse\" ones");
    }
}
