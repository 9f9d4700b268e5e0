using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Takes the thought off a reply's beginning and leaves the rest to another parser. A thought stands between <c>&lt;think&gt;</c> and
/// <c>&lt;/think&gt;</c>; where the prompt has opened it, the reply begins inside.
/// </summary>
/// <param name="rest">Reads what follows the thought.</param>
/// <param name="startsInThought">Whether the prompt ends inside a thought.</param>
internal sealed class ThoughtReplyParser(IReplyParser rest, bool startsInThought) : IReplyParser
{
    private const string Opening = "<think>";

    private readonly TagFinder _closing = new("</think>");
    private readonly StringBuilder _start = new(); // white space and a possible begin of the opening tag
    private State _state = startsInThought ? State.ThoughtStart : State.Start;

    private enum State
    {
        /// <summary>Before it is known whether a thought comes.</summary>
        Start,

        /// <summary>At a thought's first line feeds, which are not shown.</summary>
        ThoughtStart,
        Thought,

        /// <summary>At the line feeds between thought and answer, which are not shown.</summary>
        Gap,
        Answer,
    }

    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning)
    {
        while (!text.IsEmpty)
        {
            switch (_state)
            {
                case State.Start:
                    StepAtStart(text[0], content, reasoning);
                    text = text[1..];
                    break;
                case State.ThoughtStart or State.Gap:
                    text = text.TrimStart('\n');
                    _state = text.IsEmpty ? _state : _state == State.Gap ? State.Answer : State.Thought;
                    break;
                case State.Thought:
                    text = text[_closing.Push(text, reasoning, out bool isClosed)..];
                    _state = isClosed ? State.Gap : State.Thought;
                    break;
                default:
                    rest.Push(text, content, reasoning);
                    return;
            }
        }
    }

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning)
    {
        if (_state == State.Start)
        {
            GiveStartToRest(content, reasoning);
        }
        else if (_state == State.Thought)
        {
            _closing.Flush(reasoning); // a thought that was cut
        }

        return rest.Finish(content, reasoning);
    }

    private void StepAtStart(char next, StringBuilder content, StringBuilder reasoning)
    {
        _start.Append(next);
        string begun = _start.ToString().TrimStart();
        if (begun == Opening)
        {
            _state = State.ThoughtStart;
        }
        else if (!Opening.StartsWith(begun, StringComparison.Ordinal))
        {
            _state = State.Answer;
            GiveStartToRest(content, reasoning);
        }
    }

    private void GiveStartToRest(StringBuilder content, StringBuilder reasoning) => rest.Push(_start.ToString(), content, reasoning);
}
