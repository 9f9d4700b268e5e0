using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Chat;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Verification;

namespace GlmCluster.Silo.Quality;

/// <summary>Turns a file of texts into what a model is judged on.</summary>
/// <remarks>
/// A line that starts with a brace is a dialogue: the predictions of its answers count, from their first token to the one that ends them.
/// Any other line is plain text, all of whose predictions count. Empty lines are skipped.
/// </remarks>
public sealed class QualityTexts(TextModel text, int contextTokens)
{
    private const string SampleFile = "sample-texts.jsonl";

    /// <summary>Stands behind an answer to see where it ends.</summary>
    private static readonly ChatMessage NextQuestion = new(ChatRole.User, "?", []);

    /// <summary>Reads a file.</summary>
    /// <exception cref="CheckpointException">The file cannot be read, a line is no dialogue, or nothing in it can be judged.</exception>
    public IReadOnlyList<ScoredSequence> Read(string file)
    {
        ArgumentNullException.ThrowIfNull(file);
        try
        {
            using var reader = new StreamReader(file);
            return Read(reader, file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException($"{file} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads the short texts that come with the program: everyday questions in English and Chinese, code and prose.</summary>
    public IReadOnlyList<ScoredSequence> ReadSamples()
    {
        using Stream stream = typeof(QualityTexts).Assembly.GetManifestResourceStream(SampleFile)!;
        using var reader = new StreamReader(stream);
        return Read(reader, SampleFile);
    }

    private List<ScoredSequence> Read(TextReader reader, string name)
    {
        List<ScoredSequence> sequences = [];
        int number = 0;
        while (reader.ReadLine() is string line)
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                sequences.AddRange(ReadLine(line, $"{name} line {number}").Select(Cut).Where(sequence => sequence.Positions.Length > 0));
            }
        }

        return sequences.Count > 0 ? sequences : throw new CheckpointException($"{name} has no text to judge a model on.");
    }

    private List<ScoredSequence> ReadLine(string line, string where)
    {
        if (line[0] != '{')
        {
            List<int> ids = text.EncodePlain(line);
            return [new ScoredSequence([.. ids], [.. Enumerable.Range(0, ids.Count - 1)])];
        }

        IChatTemplate template = text.ChatTemplate
            ?? throw new CheckpointException($"{where} is a dialogue, but the model's chat template is not known: {text.ChatTemplateProblem}");
        return ReadDialogue(DialogueReader.Read(line, where), template);
    }

    /// <summary>One sequence for all answers where the template only appends; one more wherever it writes earlier turns anew.</summary>
    private static List<ScoredSequence> ReadDialogue(Dialogue dialogue, IChatTemplate template)
    {
        List<ScoredSequence> sequences = [];
        for (int i = 1; i < dialogue.Messages.Length; i++)
        {
            if (dialogue.Messages[i].Role != ChatRole.Assistant)
            {
                continue;
            }

            List<int> before = template.Render(dialogue.Messages[..i], dialogue.Tools, ChatOptions.Default);
            List<int> answered = template.Render(dialogue.Messages[..(i + 1)], dialogue.Tools, ChatOptions.Default);
            List<int> continued = template.Render([.. dialogue.Messages[..(i + 1)], NextQuestion], dialogue.Tools, ChatOptions.Default);
            int start = CommonPrefix(before, answered);
            int end = CommonPrefix(answered, continued);
            long[] ids = [.. answered[..end]];
            long[] positions = [.. Enumerable.Range(start - 1, Math.Max(0, end - start + 1))];
            if (sequences.Count > 0 && ids.AsSpan().StartsWith(sequences[^1].Ids))
            {
                positions = [.. sequences[^1].Positions, .. positions];
                sequences.RemoveAt(sequences.Count - 1);
            }

            sequences.Add(new ScoredSequence(ids, positions));
        }

        return sequences;
    }

    private ScoredSequence Cut(ScoredSequence sequence) => sequence.Ids.Length <= contextTokens
        ? sequence
        : new ScoredSequence(sequence.Ids[..contextTokens], [.. sequence.Positions.Where(position => position < contextTokens)]);

    private static int CommonPrefix(List<int> left, List<int> right) => left.Zip(right).TakeWhile(pair => pair.First == pair.Second).Count();
}
