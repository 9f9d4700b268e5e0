using GlmCluster.Grains.Sqlite;
using GlmCluster.Grains.Stores;
using Microsoft.Data.Sqlite;

namespace GlmCluster.Grains.Tests.Sqlite;

public sealed class SqliteFileTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("glm-store-");
    private readonly string _path;

    public SqliteFileTests() => _path = Path.Combine(_folder.FullName, "new folder", "store.db");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Open_NewFile_IsTheUsersOnly()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows protects the file by its folder's access list.");
            return;
        }

        using SqliteConnection connection = SqliteFile.Open(_path);

        const UnixFileMode UserOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.Equal(UserOnly, File.GetUnixFileMode(_path));
        Assert.Equal(UserOnly, File.GetUnixFileMode(_path + "-wal"));
        Assert.Equal(UserOnly | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(_path)!));
    }

    [Fact]
    public void Open_SecondTime_SaysThatItIsInUse()
    {
        using SqliteConnection first = SqliteFile.Open(_path);

        StoreException failure = Assert.Throws<StoreException>(() => SqliteFile.Open(_path));

        Assert.Contains(_path, failure.Message);
        Assert.Contains("in use", failure.Message);
    }

    [Fact]
    public void Open_AfterTheFirstClosed_KeepsItsContent()
    {
        using (SqliteConnection first = SqliteFile.Open(_path))
        {
            first.Execute("insert into text_assets (hash, body) values ('h', x'01')");
        }

        using SqliteConnection second = SqliteFile.Open(_path);

        Assert.Equal(["h"], second.Query("select hash from text_assets", row => row.GetString(0)));
    }

    [Fact]
    public void Open_NoDatabase_SaysSo()
    {
        Make(() => File.WriteAllText(_path, string.Concat(Enumerable.Repeat("This is a letter to my aunt. ", 1000))));

        AssertRefused("is damaged or is no GlmCluster store");
    }

    [Fact]
    public void Open_OtherProgramsDatabase_LeavesItAlone()
    {
        Make(() =>
        {
            using var connection = new SqliteConnection($"Data Source={_path};Pooling=False");
            connection.Open();
            connection.Execute("create table letters (text)");
        });
        byte[] before = File.ReadAllBytes(_path);

        AssertRefused("another program");
        Assert.Equal(before, File.ReadAllBytes(_path));
    }

    [Fact]
    public void Open_FileThatWasThere_KeepsItsMode()
    {
        if (OperatingSystem.IsWindows())
        {
            Assert.Skip("Windows has access lists instead of modes.");
            return;
        }

        const UnixFileMode Shared = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        Make(() => File.WriteAllText(_path, "This is a letter to my aunt, who may read it."));
        File.SetUnixFileMode(_path, Shared);

        AssertRefused("no GlmCluster store");

        Assert.Equal(Shared, File.GetUnixFileMode(_path));
    }

    [Fact]
    public void Open_NewerSchema_NamesBothVersions()
    {
        Make(() => SqliteFile.Open(_path).Dispose());
        Make(() =>
        {
            using var connection = new SqliteConnection($"Data Source={_path};Pooling=False");
            connection.Open();
            connection.Execute("pragma user_version = 99");
        });

        AssertRefused($"version 99; this program knows versions up to {SqliteSchema.Version}");
    }

    [Fact]
    public void Open_CutFile_IsDamaged()
    {
        Make(() => SqliteFile.Open(_path).Dispose());
        Make(() =>
        {
            using FileStream file = File.OpenWrite(_path);
            file.SetLength(file.Length / 2);
        });

        AssertRefused("is damaged");
    }

    [Fact]
    public void Open_DamagedPageAfterACrash_IsDamaged()
    {
        using (SqliteConnection connection = SqliteFile.Open(_path))
        {
            connection.Execute("pragma wal_checkpoint(truncate)");
            connection.Execute("insert into text_assets (hash, body) values ('h', x'01')");
            File.Copy(_path, _path + ".crashed");
            File.Copy(_path + "-wal", _path + ".crashed-wal");
        }

        File.Delete(_path);
        File.Move(_path + ".crashed", _path);
        File.Move(_path + ".crashed-wal", _path + "-wal");
        using (FileStream file = File.OpenWrite(_path))
        {
            file.Position = file.Length - 4096;
            file.Write([.. Enumerable.Repeat((byte)0xA5, 4096)]);
        }

        AssertRefused("is damaged");
    }

    [Fact]
    public void Open_FolderInTheWay_SaysThatItCannotBeWritten()
    {
        Directory.CreateDirectory(_path);

        AssertRefused(_path);
    }

    [Fact]
    public void Open_UnderAFile_SaysThatItCannotBeCreated()
    {
        File.WriteAllText(Path.Combine(_folder.FullName, "new folder"), "");

        AssertRefused("cannot be created");
    }

    private void Make(Action make)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        make();
    }

    private void AssertRefused(string reason)
    {
        StoreException failure = Assert.Throws<StoreException>(() => SqliteFile.Open(_path));
        Assert.Contains(_path, failure.Message);
        Assert.Contains(reason, failure.Message);
    }
}
