using System.Buffers;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Dialects.OpenAI;
using GlmCluster.Gateway.Models;
using GlmCluster.Gateway.Streaming;
using GlmCluster.Gateway.Tests.Hosting;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Tests.Dialects;

public sealed class ChatStreamFormTests
{
    private static readonly StringBuilder NoReasoning = new();
    private static readonly StringBuilder Reasoning = new("想一想");

    [Fact]
    public void WriteText_Warm_AllocatesNothing()
    {
        using var form = new ChatStreamForm(CreateGeneration(), StreamPosition.None);
        var output = new ReusedBuffer();
        WriteThousand(form, output);

        long before = GC.GetAllocatedBytesForCurrentThread();
        WriteThousand(form, output);

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void WriteThousand(ChatStreamForm form, ReusedBuffer output)
    {
        for (int seq = 1; seq <= 1000; seq++)
        {
            output.Clear();
            form.WriteText(output, seq, 0, "你好 \"quoted\"\n", NoReasoning, []);
            form.WriteText(output, seq, 0, "", Reasoning, []);
        }
    }

    private static ServedGeneration CreateGeneration() => new(
        new GenerationRequest
        {
            Id = GenerationId.New(),
            Caller = "caller",
            Model = Nano.Card.Model,
            PromptIds = [1],
            Sampling = new SamplingSettings(),
            StopIds = [],
            MaxTokens = 1,
            View = new ClientView { Dialect = ChatMapper.Dialect, ModelName = Nano.Name },
            CreatedAt = DateTimeOffset.UnixEpoch,
        },
        new ServedModel(Nano.Card, Nano.Text));

    /// <summary>Memory that is written over and over, as the response's pipe gives it.</summary>
    private sealed class ReusedBuffer : IBufferWriter<byte>
    {
        private readonly byte[] _bytes = new byte[16 << 10];
        private int _written;

        public void Clear() => _written = 0;

        public void Advance(int count) => _written += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.AsMemory(_written);

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes.AsSpan(_written);
    }
}
