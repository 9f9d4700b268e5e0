using System.Text;
using GlmCluster.Bench;
using GlmCluster.Bench.Http;

namespace GlmCluster.Cli.Tests.Benchmarks;

public sealed class ResponseReaderTests
{
    private const string Chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n and more.\r\n0\r\n\r\n";
    private const string Measured = "HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\nConnection: close\r\n\r\nhello";

    [Theory]
    [InlineData(Chunked, 1, 200, "hello and more.")]
    [InlineData(Chunked, 7, 200, "hello and more.")]
    [InlineData(Chunked, 1000, 200, "hello and more.")]
    [InlineData(Measured, 1, 404, "hello")]
    [InlineData(Measured, 1000, 404, "hello")]
    public void TryReadBody_AnyPortions_GivesTheBody(string response, int portion, int status, string body)
    {
        var reader = new ResponseReader();

        Assert.Equal(body, Read(reader, response, portion));

        Assert.Equal((status, true), (reader.Status, reader.IsComplete));
    }

    [Fact]
    public void TryReadBody_NoLength_LastsUntilTheClose()
    {
        var reader = new ResponseReader();

        Assert.Equal("some", Read(reader, "HTTP/1.0 200 OK\r\n\r\nsome", portion: 3));

        Assert.Equal((false, true), (reader.IsComplete, reader.EndsWithClose));
    }

    [Fact]
    public void TryReadBody_NotHttp_Fails() =>
        Assert.Throws<BenchException>(() => Read(new ResponseReader(), "SSH-2.0-OpenSSH_9.2\r\n", portion: 100));

    private static string Read(ResponseReader reader, string response, int portion)
    {
        var body = new StringBuilder();
        foreach (byte[] part in Encoding.ASCII.GetBytes(response).Chunk(portion))
        {
            ReadOnlySpan<byte> arrived = part;
            while (reader.TryReadBody(ref arrived, out ReadOnlySpan<byte> piece))
            {
                body.Append(Encoding.ASCII.GetString(piece));
            }
        }

        return body.ToString();
    }
}
