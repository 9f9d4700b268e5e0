using GlmCluster.Cli.Cluster;
using GlmCluster.Grains.Postgres.Members;

namespace GlmCluster.Cli.Tests.Cluster;

public sealed class StatusTableTests
{
    [Fact]
    public void Format_ACluster_ShowsEveryColumn()
    {
        var status = new ClusterStatus(
            [new GatewayStatus("web:8000", 1_200, 0.26)],
            [new SiloStatus("box/cpu:0:4711", "draining", "glm-4", "0123456789abcdef", 7, 1_032, 32, 4_096, 0.5)],
            [new ModelStatus("glm-4", "0123456789abcdef", 1, 7, 2, 3, 41, 0.756)]);

        Assert.Equal(
            """
            Cluster at db/glm

            GATEWAY   STREAMS  LAST BEAT
            web:8000  1,200    0.3 s ago

            SILO            STATE     MODEL  WEIGHTS       LOAD     FREE KV BLOCKS  LAST BEAT
            box/cpu:0:4711  draining  glm-4  0123456789ab  7 of 32  4,096           0.5 s ago

            MODEL  WEIGHTS       WORKERS  RUNNING  WAITING  PARKED  ENDED IN 1 H  CACHE HITS
            glm-4  0123456789ab  1        7        2        3       41            76 %

            """,
            StatusTable.Format(status, "db/glm"));
    }

    [Fact]
    public void Format_NobodyThere_SaysSo() =>
        Assert.Equal(3, StatusTable.Format(new ClusterStatus([], [], []), "db/glm").Split("none").Length - 1);
}
