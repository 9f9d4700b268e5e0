using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace GlmCluster.Cli.Chaos;

/// <summary>What a client got of one answer, put together from a stream's events or a whole response.</summary>
internal sealed class Delivery
{
    private readonly SortedDictionary<int, Choice> _choices = [];
    private string? _errorCode;

    /// <summary>Of the answer; null: nothing came.</summary>
    public string? Id { get; private set; }

    /// <summary>Tokens that the server says it generated.</summary>
    public int CompletionTokens { get; private set; }

    /// <summary>The error that ended it; null: none did.</summary>
    public string? Error { get; set; }

    public string Text(int choice) => _choices.TryGetValue(choice, out Choice? found) ? found.Content.ToString() : "";

    /// <summary>Takes a chunk, or a whole completion.</summary>
    public void Add(JsonNode part)
    {
        if (part["error"] is { } error)
        {
            Error = (string?)error["message"] ?? error.ToJsonString();
            _errorCode = (string?)error["code"];
            return;
        }

        Id = (string?)part["id"] ?? Id;
        CompletionTokens = (int?)part["usage"]?["completion_tokens"] ?? CompletionTokens;
        foreach (JsonNode? choice in part["choices"]?.AsArray() ?? [])
        {
            Add(choice!, choice!["delta"] ?? choice["message"]);
        }
    }

    /// <summary>A refusal that took so long that the stream had begun asks for another try, as a status of 429 or 503 does.</summary>
    /// <returns>Whether it was one.</returns>
    public bool TryForgetRefusal()
    {
        bool isRefusal = _errorCode is "unavailable" or "overloaded";
        Error = isRefusal ? null : Error;
        return isRefusal;
    }

    /// <summary>Compares what came with what had to come.</summary>
    public Difference Compare(Delivery expected)
    {
        Difference difference = default;
        foreach ((int index, Choice wanted) in expected._choices)
        {
            difference += (_choices.GetValueOrDefault(index) ?? new Choice()).Compare(wanted);
        }

        int alien = _choices.Keys.Except(expected._choices.Keys).Count();
        return difference + new Difference(0, 0, alien + (CompletionTokens == expected.CompletionTokens ? 0 : 1));
    }

    private void Add(JsonNode choice, JsonNode? message)
    {
        int index = (int)choice["index"]!;
        if (!_choices.TryGetValue(index, out Choice? known))
        {
            _choices.Add(index, known = new Choice());
        }

        known.Content.Append((string?)message?["content"]);
        known.Finish = (string?)choice["finish_reason"] ?? known.Finish;
        foreach (JsonNode? token in choice["logprobs"]?["content"]?.AsArray() ?? [])
        {
            known.Tokens.Add(string.Create(CultureInfo.InvariantCulture, $"{(string?)token!["token"]} {(double)token["logprob"]!:R}"));
        }
    }

    private sealed class Choice
    {
        public StringBuilder Content { get; } = new();

        /// <summary>Texts of its tokens with their logprobs, where these were asked for.</summary>
        public List<string> Tokens { get; } = [];

        public string? Finish { get; set; }

        public Difference Compare(Choice expected)
        {
            Difference tokens = Compare(Tokens.Count, expected.Tokens.Count, Tokens.Zip(expected.Tokens).Count(pair => pair.First != pair.Second));
            if (tokens != default)
            {
                return tokens;
            }

            // Without logprobs a client cannot count tokens: characters stand for them.
            string text = Content.ToString();
            string wanted = expected.Content.ToString();
            Difference characters = Compare(text.Length, wanted.Length, text.Zip(wanted).Count(pair => pair.First != pair.Second));
            return characters != default || Finish == expected.Finish ? characters : new Difference(0, 0, 1);
        }

        private static Difference Compare(int count, int expected, int unequal) =>
            count < expected ? new Difference(expected - count, 0, unequal)
            : count > expected ? new Difference(0, count - expected, unequal)
            : new Difference(0, 0, unequal);
    }
}

/// <summary>How far an answer is from what it had to be, in tokens.</summary>
internal readonly record struct Difference(int Lost, int Repeated, int Changed)
{
    public static Difference operator +(Difference a, Difference b) => new(a.Lost + b.Lost, a.Repeated + b.Repeated, a.Changed + b.Changed);
}
