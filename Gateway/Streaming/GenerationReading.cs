using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using GlmCluster.Gateway.Admissions;
using GlmCluster.Gateway.Answers;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Streaming;

/// <summary>Reads a generation's events, choice by choice: into a stream, or together for a whole answer.</summary>
internal sealed class GenerationReading
{
    private readonly AnswerReader[] _readers;
    private readonly int? _topLogprobs;

    // For whole answers only.
    private readonly StringBuilder[] _texts;
    private readonly StringBuilder[] _thoughts;
    private readonly List<AnswerToken>[] _tokens;
    private readonly Answer?[] _finished;

    public GenerationReading(ServedGeneration generation, IDialect dialect)
    {
        int choices = generation.Request.Choices;
        _topLogprobs = generation.Request.TopLogprobs;
        _readers = [.. Enumerable.Range(0, choices).Select(choice => dialect.CreateReader(generation, choice))];
        _texts = [.. _readers.Select(_ => new StringBuilder())];
        _thoughts = [.. _readers.Select(_ => new StringBuilder())];
        _tokens = [.. _readers.Select(_ => new List<AnswerToken>())];
        _finished = new Answer?[choices];
    }

    private bool IsSingle => _readers.Length == 1;

    /// <summary>Writes what tokens made visible. Allocates nothing per token once warm.</summary>
    public void Write(TokensAppended tokens, IStreamForm form, IBufferWriter<byte> output)
    {
        AnswerReader reader = _readers[tokens.Choice];
        ChoiceEnd? end = IsSingle ? null : tokens.End; // the only choice ends with its generation
        int last = tokens.Ids.Length - 1;
        for (int i = 0; i <= last; i++)
        {
            ReadOnlySpan<char> text = Push(reader, tokens, i);
            if (i == last && end is not null)
            {
                WriteChoiceEnd(form, output, tokens, end, text);
            }
            else if (!text.IsEmpty || reader.Reasoning.Length > 0)
            {
                form.WriteText(output, tokens.FirstSeq + i, tokens.Choice, text, reader.Reasoning, text.IsEmpty ? [] : TakeTokens(reader));
            }
        }
    }

    public void WriteEnd(IStreamForm form, IBufferWriter<byte> output, GenerationEnd end) =>
        form.WriteEnd(output, IsSingle ? _readers[0].Finish(end.Reason) : null, end);

    /// <summary>Puts tokens to those before.</summary>
    public void Collect(TokensAppended tokens)
    {
        int choice = tokens.Choice;
        for (int i = 0; i < tokens.Ids.Length; i++)
        {
            _texts[choice].Append(Push(_readers[choice], tokens, i));
            _thoughts[choice].Append(_readers[choice].Reasoning);
            _tokens[choice].AddRange(AnswerToken.Keep(TakeTokens(_readers[choice])));
        }

        if (!IsSingle && tokens.End is { } end)
        {
            _finished[choice] = Finish(choice, end.Reason);
        }
    }

    /// <summary>What was collected, by choice.</summary>
    public ImmutableArray<Answer> Finish(GenerationEnd end) =>
        [.. Enumerable.Range(0, _readers.Length).Select(choice => _finished[choice] ?? Finish(choice, end.Reason))];

    private Answer Finish(int choice, EndReason reason)
    {
        Answer tail = _readers[choice].Finish(reason);
        return tail with
        {
            Text = _texts[choice].Append(tail.Text).ToString(),
            Reasoning = _thoughts[choice].Append(tail.Reasoning).ToString(),
            Tokens = [.. _tokens[choice], .. tail.Tokens],
        };
    }

    private void WriteChoiceEnd(IStreamForm form, IBufferWriter<byte> output, TokensAppended tokens, ChoiceEnd end, ReadOnlySpan<char> text)
    {
        string before = new(text); // the reader's, and gone with its next call
        string thoughtBefore = _readers[tokens.Choice].Reasoning.ToString();
        ImmutableArray<AnswerToken> tokensBefore = AnswerToken.Keep(TakeTokens(_readers[tokens.Choice]));
        Answer tail = _readers[tokens.Choice].Finish(end.Reason);
        form.WriteChoiceEnd(
            output,
            tokens.FirstSeq + tokens.Ids.Length - 1,
            tokens.Choice,
            tail with { Text = before + tail.Text, Reasoning = thoughtBefore + tail.Reasoning, Tokens = [.. tokensBefore, .. tail.Tokens] });
    }

    private ReadOnlySpan<char> Push(AnswerReader reader, TokensAppended tokens, int index)
    {
        int id = tokens.Ids.Span[index];
        return _topLogprobs is not { } tops
            ? reader.Push(id)
            : reader.Push(new AnswerToken(id, tokens.Logprobs.Span[index], tokens.TopLogprobs.Slice(index * tops, tops)));
    }

    private ReadOnlySpan<AnswerToken> TakeTokens(AnswerReader reader) => _topLogprobs is null ? [] : reader.TakeTokens();
}
