using System.Text;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Engine.Sequences;
using GlmCluster.Grains.Abstractions.Conversations;
using GlmCluster.Grains.Abstractions.Generations;

namespace GlmCluster.Silo.Workers;

/// <summary>Ends a sequence at the first stop string in its visible text: the same text, and so the same cut, that a gateway shows.</summary>
internal sealed class StopStringWatcher : ISequenceWatcher
{
    private readonly ITokenizer _tokenizer;
    private readonly IncrementalDetokenizer _detokenizer;
    private readonly IReplyParser? _parser;
    private readonly StopStringMatcher _stops;
    private readonly StringBuilder _visible = new(); // the parser's output for one id
    private readonly StringBuilder _reasoning = new(); // in which stop strings do not count
    private readonly List<long> _textLengthAfter = []; // by generated id

    public StopStringWatcher(TextModel text, GenerationRequest request)
    {
        _tokenizer = text.Tokenizer;
        _detokenizer = new IncrementalDetokenizer(text.Tokenizer, continues: !request.IsChatReply);
        _stops = new StopStringMatcher(request.StopStrings);
        if (request.IsChatReply)
        {
            ReplySettings reply = request.View.Reply ?? new ReplySettings();
            _parser = text.ChatTemplate?.CreateReplyParser(
                [.. request.View.Tools.Select(tool => new ChatTool(tool.Name, tool.DeclarationJson))],
                new ChatOptions(reply.Thinks, reply.KeepsThoughts, reply.ForcedTool));
        }
    }

    public int Observe(int tokenId)
    {
        ReadOnlySpan<char> raw = _detokenizer.Push(tokenId);
        if (_parser is null)
        {
            _stops.Push(raw);
        }
        else
        {
            PushParsed(_parser, tokenId, raw);
        }

        _textLengthAfter.Add(_stops.TextLength);
        return _stops.IsMatched ? CountKept() : -1;
    }

    private void PushParsed(IReplyParser parser, int tokenId, ReadOnlySpan<char> raw)
    {
        if (raw.IsEmpty && _tokenizer.IsSpecial(tokenId))
        {
            parser.PushSpecial(tokenId, _visible, _reasoning);
        }

        parser.Push(raw, _visible, _reasoning);
        foreach (ReadOnlyMemory<char> part in _visible.GetChunks())
        {
            _stops.Push(part.Span);
        }

        _visible.Clear();
        _reasoning.Clear();
    }

    /// <summary>Ids whose text lies before the cut.</summary>
    private int CountKept()
    {
        int cut = _textLengthAfter.FindIndex(length => length > _stops.VisibleLength);
        return cut < 0 ? _textLengthAfter.Count : cut;
    }
}
