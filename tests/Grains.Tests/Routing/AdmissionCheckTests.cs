using GlmCluster.Grains.Abstractions.Generations;
using GlmCluster.Grains.Routing;

namespace GlmCluster.Grains.Tests.Routing;

public sealed class AdmissionCheckTests
{
    [Theory]
    [InlineData(100, 89, 89, true)]
    [InlineData(100, 90, 90, false)] // the last tenth is for others
    [InlineData(100, 90, 46, false)]
    [InlineData(100, 90, 45, true)]
    [InlineData(100, 99, 0, true)]
    [InlineData(100, 100, 0, false)]
    [InlineData(2, 1, 1, true)] // nothing to keep of so few
    public void FindFault_Places_AreKeptForOthersOnlyAtTheEnd(long places, long requests, long ofCaller, bool isAdmitted) =>
        Assert.Equal(isAdmitted, AdmissionCheck.FindFault("m", places, requests, ofCaller, new CallerLimits()) is null);

    [Fact]
    public void FindFault_CallersLimit_SaysSoAndWhenToComeBack()
    {
        GenerationFault fault = AdmissionCheck.FindFault("m", 100, 5, 3, new CallerLimits(Requests: 3))!;

        Assert.Equal(GenerationFaultCode.Overloaded, fault.Code);
        Assert.Contains("3 requests", fault.Message, StringComparison.Ordinal);
        Assert.NotNull(fault.RetryAfter);
        Assert.Null(AdmissionCheck.FindFault("m", 100, 5, 2, new CallerLimits(Requests: 3)));
    }
}
