using System.Text;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Reads GLM-4's replies. The model completes the header <c>&lt;|assistant|&gt;</c> itself: a line feed, then text; or a tool's name, a
/// line feed and a JSON object. Anything that only looks like a call is text, and none of it is lost.
/// </summary>
internal sealed class Glm4ReplyParser : IReplyParser
{
    private readonly string[] _toolNames;
    private readonly StringBuilder _held = new(); // not yet known to be text
    private readonly StringBuilder _name = new(); // the first line so far, without white space around it
    private State _state;
    private bool _nameHasEnded; // white space followed it

    /// <param name="toolNames">Tools whose calls are recognised.</param>
    /// <param name="startsInHeader">False where the prompt has completed the header already: then all is text.</param>
    public Glm4ReplyParser(IReadOnlyCollection<string> toolNames, bool startsInHeader)
    {
        _toolNames = [.. toolNames];
        _state = startsInHeader ? State.Start : State.Text;
    }

    private enum State
    {
        Start,

        /// <summary>In a first line that may still become a tool's name.</summary>
        Name,

        /// <summary>After a tool's name, before the first character that decides.</summary>
        BeforeArguments,

        /// <summary>In what may be a call's arguments.</summary>
        Arguments,

        Text,
    }

    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        for (int i = 0; i < text.Length; i++)
        {
            if (_state is State.Text or State.Arguments)
            {
                (_state == State.Text ? content : _held).Append(text[i..]);
                return;
            }

            Step(text[i]);
            if (_state == State.Text)
            {
                content.Append(_held);
                _held.Clear();
            }
        }
    }

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning)
    {
        ArgumentNullException.ThrowIfNull(content);
        if (_state == State.Arguments)
        {
            string reply = _held.ToString();
            string arguments = reply[(reply.IndexOf('\n', StringComparison.Ordinal) + 1)..].Trim(' ', '\t', '\r', '\n');
            if (IsJsonObject(arguments))
            {
                _held.Clear();
                return [new ChatToolCall(_name.ToString(), arguments)];
            }
        }

        content.Append(_held);
        _held.Clear();
        return [];
    }

    /// <summary>Takes one character of what is not yet known to be text or arguments.</summary>
    private void Step(char next)
    {
        if (_state == State.Start && next == '\n')
        {
            _state = State.Text; // the header's own line feed
            return;
        }

        _held.Append(next);
        if (_state == State.BeforeArguments)
        {
            _state = next == '{' ? State.Arguments : next is ' ' or '\t' or '\r' or '\n' ? _state : State.Text;
        }
        else if (next == '\n')
        {
            _state = _toolNames.Contains(_name.ToString(), StringComparer.Ordinal) ? State.BeforeArguments : State.Text;
        }
        else
        {
            _state = MayBecomeName(next) ? State.Name : State.Text;
        }
    }

    private bool MayBecomeName(char next)
    {
        if (char.IsWhiteSpace(next))
        {
            _nameHasEnded = _name.Length > 0;
            return !_nameHasEnded || _toolNames.Contains(_name.ToString(), StringComparer.Ordinal);
        }

        _name.Append(next);
        string name = _name.ToString();
        return !_nameHasEnded && _toolNames.Any(tool => tool.StartsWith(name, StringComparison.Ordinal));
    }

    private static bool IsJsonObject(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object;
        }
        catch (JsonException)
        {
            return false; // then it is text, and is given as such
        }
    }
}
