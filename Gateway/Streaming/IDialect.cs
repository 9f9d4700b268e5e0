using System.Buffers;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;

namespace GlmCluster.Gateway.Streaming;

/// <summary>How one dialect shows answers. Stateless.</summary>
internal interface IDialect
{
    /// <summary>Sends a refusal as the whole response.</summary>
    Task WriteRefusalAsync(HttpResponse response, Refusal refusal, CancellationToken aborted);

    /// <summary>Sends a finished answer as the whole response.</summary>
    Task WriteAnswerAsync(HttpResponse response, ServedGeneration generation, Answer answer, CancellationToken aborted);

    /// <summary>Writes a failure into a stream that has begun.</summary>
    void WriteFault(IBufferWriter<byte> output, Refusal refusal);

    /// <summary>Starts to read an answer.</summary>
    AnswerReader CreateReader(ServedGeneration generation);

    /// <summary>Starts a stream.</summary>
    /// <param name="generation">What is shown.</param>
    /// <param name="after">What the client has already; events up to there are not written.</param>
    IStreamForm OpenStream(ServedGeneration generation, StreamPosition after);
}

/// <summary>One answer as a stream of one dialect. Writes whole frames and never flushes.</summary>
internal interface IStreamForm : IDisposable
{
    void WriteStart(IBufferWriter<byte> output);

    /// <summary>Writes text that became visible with one log token. Allocates nothing once warm.</summary>
    /// <param name="output">The response.</param>
    /// <param name="seq">Log position of the token.</param>
    /// <param name="text">Empty only where there is reasoning.</param>
    /// <param name="reasoning">What the model thought with this token; mostly empty.</param>
    void WriteText(IBufferWriter<byte> output, long seq, ReadOnlySpan<char> text, StringBuilder reasoning);

    /// <summary>Writes everything from the last token's text to the end mark.</summary>
    /// <param name="output">The response.</param>
    /// <param name="tail">What the end released, and how it ended.</param>
    void WriteEnd(IBufferWriter<byte> output, Answer tail);
}
