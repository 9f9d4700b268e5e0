using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GlmCluster.Checkpoints.Chat;

/// <summary>Turns Python literals into JSON: strings, numbers, <c>True</c>, <c>False</c>, <c>None</c>, lists, tuples and dictionaries with text as keys.</summary>
/// <param name="text">A call's text after the opening bracket.</param>
/// <param name="writer">Takes the JSON; holds part of it where the text is none.</param>
internal ref struct PythonLiteralReader(ReadOnlySpan<char> text, Utf8JsonWriter writer)
{
    /// <summary>Far above what tools take; keeps a reply from filling the stack.</summary>
    private const int MaximumDepth = 64;

    private ReadOnlySpan<char> _rest = text;

    /// <summary>Reads <c>name=value, …)</c> up to the text's end.</summary>
    public bool TryReadArguments()
    {
        HashSet<string> names = [];
        writer.WriteStartObject();
        while (!TryTake(')'))
        {
            string name = TakeName();
            if (name.Length == 0 || !names.Add(name) || !TryTake('='))
            {
                return false;
            }

            writer.WritePropertyName(name);
            if (!TryReadValue(1) || !TryTakeSeparator(')'))
            {
                return false;
            }
        }

        writer.WriteEndObject();
        return _rest.IsWhiteSpace();
    }

    private bool TryReadValue(int depth)
    {
        _rest = _rest.TrimStart();
        if (_rest.IsEmpty || depth > MaximumDepth)
        {
            return false;
        }

        switch (_rest[0])
        {
            case '\'' or '"':
                bool isString = TryReadString(out string value);
                writer.WriteStringValue(value);
                return isString;
            case '[':
                return TryReadList(']', depth);
            case '(':
                return TryReadList(')', depth);
            case '{':
                return TryReadDictionary(depth);
            case '-' or '+' or '.' or (>= '0' and <= '9'):
                return TryReadNumber();
            default:
                return TryReadWord();
        }
    }

    private bool TryReadList(char close, int depth)
    {
        _rest = _rest[1..];
        writer.WriteStartArray();
        while (!TryTake(close))
        {
            if (!TryReadValue(depth + 1) || !TryTakeSeparator(close))
            {
                return false;
            }
        }

        writer.WriteEndArray();
        return true;
    }

    private bool TryReadDictionary(int depth)
    {
        HashSet<string> keys = [];
        _rest = _rest[1..];
        writer.WriteStartObject();
        while (!TryTake('}'))
        {
            _rest = _rest.TrimStart();
            if (_rest is not (['\'', ..] or ['"', ..]) || !TryReadString(out string key) || !keys.Add(key) || !TryTake(':'))
            {
                return false;
            }

            writer.WritePropertyName(key);
            if (!TryReadValue(depth + 1) || !TryTakeSeparator('}'))
            {
                return false;
            }
        }

        writer.WriteEndObject();
        return true;
    }

    private bool TryReadNumber()
    {
        int length = 0;
        while (length < _rest.Length && (char.IsAsciiDigit(_rest[length]) || _rest[length] is '+' or '-' or '.' or 'e' or 'E' or '_'))
        {
            length++;
        }

        string number = _rest[..length].ToString().Replace("_", "", StringComparison.Ordinal);
        _rest = _rest[length..];
        if (decimal.TryParse(number, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out decimal whole))
        {
            writer.WriteNumberValue(whole);
            return true;
        }

        bool isNumber = double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value);
        writer.WriteNumberValue(isNumber ? value : 0);
        return isNumber;
    }

    private bool TryReadWord()
    {
        switch (TakeName())
        {
            case "True":
                writer.WriteBooleanValue(true);
                return true;
            case "False":
                writer.WriteBooleanValue(false);
                return true;
            case "None":
                writer.WriteNullValue();
                return true;
            default:
                return false;
        }
    }

    /// <summary>Reads a string in apostrophes, quotes, or three of either.</summary>
    private bool TryReadString(out string value)
    {
        char quote = _rest[0];
        bool isLong = _rest.Length >= 3 && _rest[1] == quote && _rest[2] == quote;
        int quotes = isLong ? 3 : 1;
        var text = new StringBuilder();
        _rest = _rest[quotes..];
        while (!_rest.IsEmpty)
        {
            if (_rest[0] == quote && (!isLong || _rest.StartsWith([quote, quote, quote])))
            {
                _rest = _rest[quotes..];
                value = text.ToString();
                return true;
            }

            if (_rest[0] == '\\' ? !TryReadEscape(text) : !TryTakeCharacter(isLong, text))
            {
                break;
            }
        }

        value = "";
        return false;
    }

    private bool TryTakeCharacter(bool isLong, StringBuilder text)
    {
        text.Append(_rest[0]);
        bool isAllowed = isLong || _rest[0] != '\n';
        _rest = _rest[1..];
        return isAllowed;
    }

    private bool TryReadEscape(StringBuilder text)
    {
        char kind = _rest.Length > 1 ? _rest[1] : '\0';
        int digits = kind switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits == 0)
        {
            _ = kind switch
            {
                'n' => text.Append('\n'),
                't' => text.Append('\t'),
                'r' => text.Append('\r'),
                'b' => text.Append('\b'),
                'f' => text.Append('\f'),
                '\n' => text, // the line goes on
                '\\' or '\'' or '"' => text.Append(kind),
                _ => text.Append('\\').Append(kind), // Python keeps the backslash of escapes that it does not know
            };
            _rest = _rest[Math.Min(2, _rest.Length)..];
            return kind != '\0';
        }

        if (_rest.Length < digits + 2
            || !int.TryParse(_rest.Slice(2, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value)
            || !Rune.IsValid(value))
        {
            return false;
        }

        text.Append(new Rune(value));
        _rest = _rest[(digits + 2)..];
        return true;
    }

    private string TakeName()
    {
        _rest = _rest.TrimStart();
        int length = 0;
        while (length < _rest.Length && (char.IsLetterOrDigit(_rest[length]) || _rest[length] == '_'))
        {
            length++;
        }

        string name = _rest[..length].ToString();
        _rest = _rest[length..];
        return name;
    }

    private bool TryTake(char wanted)
    {
        ReadOnlySpan<char> trimmed = _rest.TrimStart();
        if (trimmed.IsEmpty || trimmed[0] != wanted)
        {
            return false;
        }

        _rest = trimmed[1..];
        return true;
    }

    /// <summary>Takes a comma; or nothing before the closing bracket.</summary>
    private bool TryTakeSeparator(char close) => TryTake(',') || _rest.TrimStart() is [var next, ..] && next == close;
}
