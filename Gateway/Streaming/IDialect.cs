using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Streaming;

/// <summary>How one dialect shows answers. Stateless.</summary>
internal interface IDialect
{
    /// <summary>Sends a refusal as the whole response.</summary>
    Task WriteRefusalAsync(HttpResponse response, Refusal refusal, CancellationToken aborted);

    /// <summary>Sends a finished generation as the whole response.</summary>
    Task WriteAnswerAsync(
        HttpResponse response, ServedGeneration generation, ImmutableArray<Answer> choices, GenerationEnd end, CancellationToken aborted);

    /// <summary>Writes a failure into a stream that has begun.</summary>
    void WriteFault(IBufferWriter<byte> output, Refusal refusal);

    /// <summary>Starts to read the answer of a choice.</summary>
    AnswerReader CreateReader(ServedGeneration generation, int choice);

    /// <summary>Starts a stream.</summary>
    /// <param name="generation">What is shown.</param>
    /// <param name="after">What the client has already; events up to there are not written.</param>
    IStreamForm OpenStream(ServedGeneration generation, StreamPosition after);
}

/// <summary>One generation as a stream of one dialect. Writes whole frames and never flushes.</summary>
internal interface IStreamForm : IDisposable
{
    void WriteStart(IBufferWriter<byte> output);

    /// <summary>Writes text that became visible with one log token. Allocates nothing once warm.</summary>
    /// <param name="output">The response.</param>
    /// <param name="seq">Log position of the token.</param>
    /// <param name="choice">Whose text.</param>
    /// <param name="text">Empty only where there is reasoning.</param>
    /// <param name="reasoning">What the model thought with this token; mostly empty.</param>
    /// <param name="tokens">Tokens that became visible with it, valid during the call; empty where logprobs were not asked for.</param>
    void WriteText(
        IBufferWriter<byte> output, long seq, int choice, ReadOnlySpan<char> text, StringBuilder reasoning, ReadOnlySpan<AnswerToken> tokens);

    /// <summary>Writes the end of one of several choices, which came with one log token.</summary>
    /// <param name="output">The response.</param>
    /// <param name="seq">Log position of its last token.</param>
    /// <param name="choice">Which ended.</param>
    /// <param name="tail">What became visible with that token and with the end.</param>
    void WriteChoiceEnd(IBufferWriter<byte> output, long seq, int choice, Answer tail);

    /// <summary>Writes everything from the last token's text to the end mark.</summary>
    /// <param name="output">The response.</param>
    /// <param name="tail">What the end released of the only choice; null: there were several, and each that ended was written.</param>
    /// <param name="end">How the generation ended.</param>
    void WriteEnd(IBufferWriter<byte> output, Answer? tail, GenerationEnd end);
}
