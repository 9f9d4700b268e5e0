using GlmCluster.Silo.Loading;

namespace GlmCluster.Silo.Tests.Loading;

public sealed class MachineMemoryTests : IDisposable
{
    private const long Machine = 64L << 30;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-cgroup-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Read_NoCgroups_IsTheMachine() => Assert.Equal(new MachineMemory(Machine, IsLimit: false), Read());

    [Fact]
    public void Read_Version2_TakesTheSmallestLimitOnTheWayUp()
    {
        Write("cgroup", "0::/system.slice/glm.service\n");
        Write("fs/system.slice/memory.max", "8589934592\n");
        Write("fs/system.slice/glm.service/memory.max", "max\n");

        Assert.Equal(new MachineMemory(8L << 30, IsLimit: true), Read());
    }

    [Fact]
    public void Read_InAContainer_TakesTheLimitOfTheMount()
    {
        Write("cgroup", "9:name=systemd:/\n4:cpu,memory:/docker/0123\n");
        Write("fs/memory/memory.limit_in_bytes", "4294967296\n");

        Assert.Equal(new MachineMemory(4L << 30, IsLimit: true), Read());
    }

    [Fact]
    public void Read_Version1WithoutALimit_IsTheMachine()
    {
        Write("cgroup", "4:memory:/\n");
        Write("fs/memory/memory.limit_in_bytes", "9223372036854771712\n");

        Assert.Equal(new MachineMemory(Machine, IsLimit: false), Read());
    }

    private MachineMemory Read() => MachineMemory.Read(Path.Combine(_folder.FullName, "cgroup"), Path.Combine(_folder.FullName, "fs"), Machine);

    private void Write(string name, string content)
    {
        string path = Path.Combine(_folder.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
