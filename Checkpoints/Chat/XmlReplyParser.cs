using System.Text;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// Reads replies with the calls of GLM-4.5 and later: <c>&lt;tool_call&gt;name&lt;arg_key&gt;key&lt;/arg_key&gt;&lt;arg_value&gt;value&lt;/arg_value&gt;…&lt;/tool_call&gt;</c>,
/// with or without line feeds between the parts, anywhere in the text and several after each other.
/// What is no call of a declared tool is text, and none of it is lost.
/// </summary>
/// <param name="tools">Declared tools.</param>
internal sealed class XmlReplyParser(IReadOnlyList<ChatTool> tools) : IReplyParser
{
    private const string CallStart = "<tool_call>";
    private const string CallEnd = "</tool_call>";

    private readonly TagFinder _start = new(CallStart);
    private readonly TagFinder _end = new(CallEnd);
    private readonly StringBuilder _call = new(); // what stands between the two
    private readonly List<ChatToolCall> _calls = [];
    private bool _isInCall;
    private bool _isAtHeader = true; // the header's own line feeds are not shown

    public void Push(ReadOnlySpan<char> text, StringBuilder content, StringBuilder reasoning)
    {
        if (_isAtHeader)
        {
            text = text.TrimStart('\n');
            _isAtHeader = text.IsEmpty;
        }

        while (!text.IsEmpty)
        {
            bool isFound;
            text = text[(_isInCall ? _end.Push(text, _call, out isFound) : _start.Push(text, content, out isFound))..];
            if (isFound && _isInCall)
            {
                _call.Append('\n', _end.LineFeeds);
                EndCall(content);
            }

            _isInCall ^= isFound;
        }
    }

    public IReadOnlyList<ChatToolCall> Finish(StringBuilder content, StringBuilder reasoning)
    {
        if (_isInCall)
        {
            _end.Flush(_call); // a call that was cut is text
            content.Append('\n', _start.LineFeeds).Append(CallStart).Append(_call);
        }
        else
        {
            _start.Flush(content);
        }

        return _calls;
    }

    private void EndCall(StringBuilder content)
    {
        if (XmlToolCall.Read(_call.ToString(), tools) is { } call)
        {
            _calls.Add(call);
        }
        else
        {
            content.Append('\n', _start.LineFeeds).Append(CallStart).Append(_call).Append(CallEnd);
        }

        _call.Clear();
        _start.Restart();
        _end.Restart();
    }
}
