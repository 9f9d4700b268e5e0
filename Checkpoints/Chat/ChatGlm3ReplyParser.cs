using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Reads ChatGLM3's replies: parts that each begin with a line of metadata. It is blank before text; or it is a tool's name, and a
/// fenced Python snippet <c>tool_call(name=value)</c> follows, or after <c>interpreter</c> a program to run. The token <c>&lt;|assistant|&gt;</c> begins another part.
/// Anything that only looks like a call is text, and none of it is lost.
/// </summary>
internal sealed class ChatGlm3ReplyParser(IReadOnlyList<ChatTool> tools, int assistantId) : IReplyParser
{
    private readonly string[] _toolNames = [.. tools.Select(tool => tool.Name)];
    private readonly List<ChatToolCall> _calls = [];
    private readonly ReplyCleaner _cleaner = new();
    private readonly StringBuilder _line = new(); // the metadata so far
    private readonly StringBuilder _body = new(); // what may be a call's snippet
    private State _state;

    private enum State
    {
        Metadata,
        Text,
        Call,
    }

    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        foreach (char next in text)
        {
            Step(next, content);
        }
    }

    public void PushSpecial(int id, StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (id == assistantId)
        {
            EndPart(content);
        }
    }

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        EndPart(content);
        return _calls;
    }

    private void Step(char next, StringBuilder content)
    {
        switch (_state)
        {
            case State.Text:
                _cleaner.Push(next, content);
                break;
            case State.Call:
                _body.Append(next);
                break;
            case State.Metadata when next != '\n':
                _line.Append(next);
                if (!MayBecomeName())
                {
                    BecomeText(content);
                }

                break;
            case State.Metadata when IsBlank():
                _state = State.Text;
                _line.Clear();
                break;
            case State.Metadata when FindName() is not null:
                _state = State.Call;
                break;
            default:
                BecomeText(content);
                _cleaner.Push(next, content);
                break;
        }
    }

    private void EndPart(StringBuilder content)
    {
        if (_state == State.Call && TryReadArguments(out string arguments))
        {
            _calls.Add(new ChatToolCall(FindName()!, arguments));
        }
        else if (_state == State.Call)
        {
            string body = _body.ToString();
            BecomeText(content);
            PushText("\n" + body, content);
        }
        else if (_state == State.Metadata && !IsBlank())
        {
            BecomeText(content);
        }

        _cleaner.EndPart(content);
        _line.Clear();
        _body.Clear();
        _state = State.Metadata;
    }

    private bool TryReadArguments(out string arguments)
    {
        string body = _body.ToString();
        return PythonCall.TryRead(body, out arguments)
            || (FindName() == PythonProgram.Tool && PythonProgram.TryRead(body, tools.First(tool => tool.Name == PythonProgram.Tool), out arguments));
    }

    /// <summary>What was taken for metadata is the beginning of a text.</summary>
    private void BecomeText(StringBuilder content)
    {
        _state = State.Text;
        PushText(_line.ToString(), content);
        _line.Clear();
    }

    private void PushText(string text, StringBuilder content)
    {
        foreach (char next in text)
        {
            _cleaner.Push(next, content);
        }
    }

    private bool IsBlank()
    {
        for (int i = 0; i < _line.Length; i++)
        {
            if (!char.IsWhiteSpace(_line[i]))
            {
                return false;
            }
        }

        return true;
    }

    private bool MayBecomeName()
    {
        string line = _line.ToString().TrimStart();
        return _toolNames.Any(name => line.Length <= name.Length
            ? name.StartsWith(line, StringComparison.Ordinal)
            : line.StartsWith(name, StringComparison.Ordinal) && line.AsSpan(name.Length).IsWhiteSpace());
    }

    private string? FindName()
    {
        string line = _line.ToString().Trim();
        return Array.Find(_toolNames, name => name == line);
    }
}
