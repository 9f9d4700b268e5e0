using System.Buffers;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Dialects.OpenAI;
using GlmCluster.Gateway.Models;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Streaming;

/// <summary>From a generation's events to the bytes of its stream.</summary>
public sealed class GenerationReadingTests
{
    private static readonly int[] Ids = [.. Nano.Reply("从前，小红🙂住在兰州。Once upon a time, \"Emma\" lived in Cairo.")[..^1]];

    [Theory]
    [InlineData(ChatMapper.Dialect, null)]
    [InlineData(ChatMapper.Dialect, 0)]
    [InlineData(ChatMapper.Dialect, 3)]
    [InlineData(CompletionMapper.Dialect, null)]
    [InlineData(CompletionMapper.Dialect, 0)]
    [InlineData(CompletionMapper.Dialect, 3)]
    public void Write_Warm_AllocatesNothingPerToken(string name, int? topLogprobs)
    {
        IDialect dialect = name == ChatMapper.Dialect ? ChatDialect.Instance : TextDialect.Instance;
        ServedGeneration generation = CreateGeneration(name, topLogprobs);
        TokensAppended[] events = [.. Enumerable.Range(0, Ids.Length).Select(index => CreateEvent(index, topLogprobs))];
        var reading = new GenerationReading(generation, dialect);
        using IStreamForm form = dialect.OpenStream(generation, StreamPosition.None);
        var output = new CountingBuffer();
        Write();
        Write();

        long before = GC.GetAllocatedBytesForCurrentThread();
        Write();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.True(output.Written > 3 * 100 * Ids.Length / 2, "Too few frames were written.");
        Assert.Equal(topLogprobs is not null, output.Last.Contains("logprob", StringComparison.Ordinal));

        void Write()
        {
            foreach (TokensAppended tokens in events)
            {
                reading.Write(tokens, form, output);
            }
        }
    }

    /// <summary>One token; the alternatives include special ones and parts of characters.</summary>
    private static TokensAppended CreateEvent(int index, int? topLogprobs) => topLogprobs is not { } tops
        ? new TokensAppended(index + 1, 0, new[] { Ids[index] })
        : new TokensAppended(index + 1, 0, new[] { Ids[index] }, new[] { -0.5f }, Enumerable.Range(0, tops).Select(top => Top(index, top)).ToArray());

    private static TokenLogprob Top(int index, int top) => top switch
    {
        0 => new TokenLogprob(Ids[index], -0.5f),
        1 => new TokenLogprob(Nano.UserId, -1.5f),
        _ => new TokenLogprob(128 + index, -2.5f),
    };

    private static ServedGeneration CreateGeneration(string dialect, int? topLogprobs) => new(
        new GenerationRequest
        {
            Id = GenerationId.New(),
            Caller = "caller",
            Model = Nano.Card.Model,
            PromptIds = [1],
            Sampling = new SamplingSettings(),
            StopIds = [],
            TopLogprobs = topLogprobs,
            MaxTokens = 1,
            View = new ClientView { Dialect = dialect, ModelName = Nano.Name },
            CreatedAt = DateTimeOffset.UnixEpoch,
        },
        new ServedModel(Nano.Card, Nano.Text));

    /// <summary>Memory that is written over and over, as the response's pipe gives it.</summary>
    private sealed class CountingBuffer : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[64 << 10];
        private int _position;

        public long Written { get; private set; }

        /// <summary>Text of the last bytes.</summary>
        public string Last => Encoding.UTF8.GetString(_bytes.AsSpan(Math.Max(0, _position - 2000), Math.Min(2000, _position)));

        public void Advance(int count)
        {
            _position += count;
            Written += count;
        }

        public Memory<byte> GetMemory(int sizeHint = 0)
        {
            _position = _position > _bytes.Length / 2 ? 0 : _position;
            return _bytes.AsMemory(_position);
        }

        public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;
    }
}
