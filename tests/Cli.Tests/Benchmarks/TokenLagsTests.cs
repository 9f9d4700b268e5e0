using System.Diagnostics;
using GlmCluster.Bench.Http;

namespace GlmCluster.Cli.Tests.Benchmarks;

public sealed class TokenLagsTests
{
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;

    private static readonly long Period = 30 * Millisecond;

    [Fact]
    public void Of_TokensSoonAfterTheirSteps_AreTheTimesSinceThem() =>
        Assert.Equal([1, 2, 3], Lags((301, 1), (332, 1), (363, 1)));

    [Fact]
    public void Of_TokenLaterThanTheNextStep_IsAsLateAsItIs() =>
        Assert.Equal([1, 42, 13, 4], Lags((301, 1), (372, 1), (373, 1), (394, 1)));

    [Fact]
    public void Of_TokensThatComeTogether_BelongToDifferentSteps() =>
        Assert.Equal([1, 35, 5, 2], Lags((301, 1), (365, 2), (392, 1)));

    [Fact]
    public void Of_StepThatWasSkipped_IsNoLag() =>
        Assert.Equal([1, 2, 3], Lags((301, 1), (332, 1), (423, 1)));

    private static IEnumerable<int> Lags(params (int AtMilliseconds, int Tokens)[] pieces) =>
        TokenLags.Of([.. pieces.Select(piece => new ContentPiece(piece.AtMilliseconds * Millisecond, piece.Tokens))], Period)
            .Select(lag => (int)lag.TotalMilliseconds);
}
