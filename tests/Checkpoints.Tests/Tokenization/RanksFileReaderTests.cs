using System.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

public sealed class RanksFileReaderTests
{
    [Fact]
    public void Read_SmallFile_NumbersSpecialsAfterTheRanks()
    {
        BytePairTokenizer tokenizer = Read(string.Join('\n', TokenizerFiles.CreateRanks()));

        Assert.Equal(257 + 14, tokenizer.Count);
        Assert.Equal([256, 99], BytePairTokenizerTests.Encode(tokenizer, "abc"));
        Assert.True(tokenizer.TryGetSpecialId("<|endoftext|>", out int id));
        Assert.Equal(257, id);
    }

    [Theory]
    [InlineData("", "byte 0x00")]
    [InlineData("hello world", "line 1")]
    [InlineData("YQ==", "line 1")]
    [InlineData("YQ== 0\nY 1", "line 2")]
    [InlineData("YQ== 0 0", "line 1")]
    [InlineData("YQ== 0\r\n", "line 1")]
    [InlineData("YQ== 99999999999", "line 1")]
    [InlineData("YQ== 1999999999", "1999999999")]
    [InlineData("YQ== -1", "-1")]
    [InlineData("YQ== 0\nYg== 0", "two pieces")]
    [InlineData("YQ== 0\nYQ== 1", "same piece")]
    [InlineData("YQ== 0", "byte 0x00")]
    [InlineData("YQ== 1", "no piece for id 0")]
    public void Read_OtherOrBrokenFile_NamesTheProblem(string file, string named)
    {
        CheckpointException e = Assert.Throws<CheckpointException>(() => Read(file));
        Assert.Contains(named, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_VeryLongPiece_IsRefused()
    {
        List<string> lines = TokenizerFiles.CreateRanks();
        lines.Add($"{Convert.ToBase64String(new byte[1 << 20])} 257");

        Assert.Throws<CheckpointException>(() => Read(string.Join('\n', lines)));
    }

    [Fact]
    public void Read_RandomDamage_IsReadOrCheckpointException()
    {
        var random = new Random(6);
        byte[] whole = Encoding.ASCII.GetBytes(string.Join('\n', TokenizerFiles.CreateRanks()));
        for (int round = 0; round < 5000; round++)
        {
            byte[] file = [.. whole.AsSpan(0, random.Next(2) == 0 ? whole.Length : random.Next(whole.Length))];
            if (file.Length > 0)
            {
                file[random.Next(file.Length)] = (byte)random.Next(256);
            }

            if (Record.Exception(() => RanksFileReader.Read(file, [])) is Exception e)
            {
                Assert.IsType<CheckpointException>(e);
            }
        }
    }

    private static BytePairTokenizer Read(string file) => RanksFileReader.Read(Encoding.UTF8.GetBytes(file), []);
}
