using GlmCluster.Engine.Kernels.Experts;

namespace GlmCluster.Engine.Tests.Kernels.Experts;

public sealed class ExpertRouterTests
{
    private static readonly float[] NoCorrection = new float[8];

    [Fact]
    public void Route_Correction_ChoosesButDoesNotWeigh()
    {
        float[] logits = [0, 1, 2, 3, -1, -2, -3, -4];
        float[] correction = [0, 0, 0, 0, 0, 0, 0, 5];

        (int[] experts, float[] weights) = Route(new RoutingShape(8, 2, 1, 1, NormalizesWeights: false, Scale: 2), logits, correction);

        Assert.Equal([3, 7], experts);
        Assert.Equal(2 * Sigmoid(3), weights[0], 1e-6);
        Assert.Equal(2 * Sigmoid(-4), weights[1], 1e-6);
    }

    [Fact]
    public void Route_Normalized_WeightsAddUpToTheScale()
    {
        (int[] experts, float[] weights) = Route(
            new RoutingShape(8, 3, 1, 1, NormalizesWeights: true, Scale: 2.5f), [5, 1, 2, 3, -1, -2, -3, -4], NoCorrection);

        Assert.Equal([0, 2, 3], experts);
        Assert.Equal(2.5, weights.Sum(), 1e-5);
        Assert.Equal(Sigmoid(5) / Sigmoid(2), weights[0] / weights[1], 1e-5);
    }

    [Fact]
    public void Route_Ties_GoToTheSmallerNumber()
    {
        (int[] experts, _) = Route(new RoutingShape(8, 3, 1, 1, NormalizesWeights: true, Scale: 1), [1, 2, 1, 2, 1, 1, 1, 1], NoCorrection);
        Assert.Equal([0, 1, 3], experts);
    }

    [Fact]
    public void Route_Groups_KeepsThoseWithTheTwoBestTogether()
    {
        // One expert of group 0 is the best of all, but group 2 has the better pair.
        float[] logits = [4, -9, 1, 1, 2.5f, 2.5f, 0, 0];

        (int[] experts, _) = Route(new RoutingShape(8, 2, 4, 1, NormalizesWeights: true, Scale: 1), logits, NoCorrection);

        Assert.Equal([4, 5], experts);
    }

    [Fact]
    public void Route_NotANumber_StillChoosesDifferentExperts()
    {
        float[] logits = [.. Enumerable.Repeat(float.NaN, 8)];
        (int[] experts, _) = Route(new RoutingShape(8, 4, 2, 1, NormalizesWeights: true, Scale: 1), logits, NoCorrection);
        Assert.Equal([0, 1, 2, 3], experts);
    }

    private static (int[] Experts, float[] Weights) Route(RoutingShape shape, float[] logits, float[] correction)
    {
        int[] experts = new int[shape.PerToken];
        float[] weights = new float[shape.PerToken];
        new ExpertRouter(shape).Route(logits, correction, experts, weights);
        return (experts, weights);
    }

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));
}
