using System.Collections.Immutable;
using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Gateway.Answers;

/// <summary>
/// Turns the ids of one answer into what clients may see: characters as they complete, without the template's own marks, tool calls and
/// stop strings. What comes out depends on the ids alone, never on how they arrived, so a replay repeats it exactly.
/// </summary>
/// <remarks>Stop strings count in the visible text. One reader at a time. Nothing is allocated per id once warm.</remarks>
internal sealed class AnswerReader
{
    private readonly ITokenizer _tokenizer;
    private readonly string _callPrefix;
    private readonly TokenTrace _trace = new();
    private readonly IncrementalDetokenizer _detokenizer;
    private readonly IReplyParser? _parser;
    private readonly StopStringMatcher _stops;
    private readonly StringBuilder _parsed = new(); // the parser's output for one id
    private readonly StringBuilder _reasoning = new(); // the same, of what the model thinks
    private char[] _text = new char[256]; // what the last call returned, then what may begin a stop string
    private int _textLength;
    private int _returned; // characters of _text that the last call returned
    private long _returnedBefore; // characters that earlier calls returned
    private long _rawLength; // characters of the detokenized text
    private long _parsedLength; // of them, what the parser gave as text
    private long _headerLength; // of them, what it had hidden when it first gave text

    private AnswerReader(TextModel model, string callPrefix, IReplyParser? parser, ImmutableArray<string> stopStrings, bool continues)
    {
        _callPrefix = callPrefix;
        _tokenizer = model.Tokenizer;
        _detokenizer = new IncrementalDetokenizer(model.Tokenizer, continues);
        _parser = parser;
        _stops = new StopStringMatcher(stopStrings);
    }

    /// <summary>What the model thought with the last id, valid until the next call; empty for most ids.</summary>
    public StringBuilder Reasoning => _reasoning;

    /// <summary>Reads one choice of a reply to a chat prompt, in which only the declared tools' calls are calls.</summary>
    public static AnswerReader ForChat(
        TextModel model,
        GenerationId generation,
        int choice,
        ImmutableArray<ToolDeclaration> tools,
        ReplySettings? reply,
        ImmutableArray<string> stopStrings) =>
        new(
            model,
            choice == 0 ? $"call_{generation}_" : $"call_{generation}_{choice}_",
            model.ChatTemplate?.CreateReplyParser(tools.ToChatTools(), reply.ToChatOptions()),
            stopStrings,
            continues: false);

    /// <summary>Reads bare text that continues a prompt.</summary>
    public static AnswerReader ForText(TextModel model, ImmutableArray<string> stopStrings) => new(model, "", null, stopStrings, continues: true);

    /// <summary>Takes the next id.</summary>
    /// <returns>Text that became visible with it, valid until the next call; may be empty.</returns>
    public ReadOnlySpan<char> Push(int id)
    {
        DropReturned();
        _reasoning.Clear();
        ReadOnlySpan<char> raw = _detokenizer.Push(id);
        if (!raw.IsEmpty)
        {
            Parse(raw);
        }
        else if (_parser is not null && _tokenizer.IsSpecial(id))
        {
            _parsed.Clear();
            _parser.PushSpecial(id, _parsed, _reasoning);
            TakeParsed();
        }

        return TakeVisible();
    }

    /// <summary>Takes the next id together with its logprobs, for <see cref="TakeTokens"/>.</summary>
    /// <returns>As <see cref="Push(int)"/>.</returns>
    public ReadOnlySpan<char> Push(AnswerToken token)
    {
        ReadOnlySpan<char> visible = Push(token.Id);
        if (!_tokenizer.IsSpecial(token.Id))
        {
            _trace.Add(token, _rawLength, _detokenizer.IsComplete);
        }

        return visible;
    }

    /// <summary>Tokens whose text has become visible since the last call; valid until the next id or call.</summary>
    public ReadOnlySpan<AnswerToken> TakeTokens() =>
        _parsedLength == 0 ? [] : _trace.TakeVisible(_headerLength, _headerLength + _stops.VisibleLength);

    /// <summary>Takes several ids, for readers who do not mind where text ends.</summary>
    public void PushAll(ReadOnlySpan<int> ids, StringBuilder text, StringBuilder reasoning)
    {
        foreach (int id in ids)
        {
            text.Append(Push(id));
            reasoning.Append(_reasoning);
        }
    }

    /// <summary>Ends the answer: what was held back becomes text or calls.</summary>
    public Answer Finish(EndReason reason)
    {
        DropReturned();
        _reasoning.Clear();
        Parse(_detokenizer.Finish());
        IReadOnlyList<ChatToolCall> calls = [];
        if (_parser is not null)
        {
            _parsed.Clear();
            calls = _parser.Finish(_parsed, _reasoning);
            TakeParsed();
        }

        _stops.Finish();
        _trace.Finish(_rawLength);
        return new Answer(new string(TakeVisible()), _reasoning.ToString(), [.. calls.Select(Name)], reason) { Tokens = AnswerToken.Keep(TakeTokens()) };
    }

    private void Parse(ReadOnlySpan<char> raw)
    {
        _rawLength += raw.Length;
        if (_parser is null)
        {
            _parsedLength = _rawLength;
            raw.CopyTo(Extend(raw.Length));
            _stops.Push(raw);
            return;
        }

        _parsed.Clear();
        _parser.Push(raw, _parsed, _reasoning);
        TakeParsed();
    }

    private void TakeParsed()
    {
        if (_parsedLength == 0)
        {
            _headerLength = _rawLength - _parsed.Length;
        }

        _parsedLength += _parsed.Length;
        Span<char> added = Extend(_parsed.Length);
        _parsed.CopyTo(0, added, added.Length);
        _stops.Push(added);
    }

    private Span<char> Extend(int count)
    {
        if (_textLength + count > _text.Length)
        {
            Array.Resize(ref _text, 2 * (_textLength + count));
        }

        _textLength += count;
        return _text.AsSpan(_textLength - count, count);
    }

    private ReadOnlySpan<char> TakeVisible()
    {
        _returned = (int)(_stops.VisibleLength - _returnedBefore);
        return _text.AsSpan(0, _returned);
    }

    private void DropReturned()
    {
        _text.AsSpan(_returned, _textLength - _returned).CopyTo(_text);
        _textLength -= _returned;
        _returnedBefore += _returned;
        _returned = 0;
    }

    // The id is derived, so a replay names the call alike.
    private ToolCall Name(ChatToolCall call, int index) => new($"{_callPrefix}{index}", call.Name, call.ArgumentsJson);
}
