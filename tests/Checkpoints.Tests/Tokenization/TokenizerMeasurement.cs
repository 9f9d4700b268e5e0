using System.Diagnostics;
using System.Globalization;
using System.Text;
using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;
using GlmCluster.Checkpoints.Tokenization.SentencePieces;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

/// <summary>Speeds for bench/results/tokenizers.md; asked for by name only, for times are no test.</summary>
public sealed class TokenizerMeasurement
{
    private const int MixedBytes = 1_000_000;
    private const int FewestRounds = 3;

    private static readonly TimeSpan LongEnough = TimeSpan.FromMilliseconds(400);

    private static readonly (string Name, string Line)[] Lines =
    [
        ("random letters", Letters(26)), ("one letter", Letters(1)), ("two letters", Letters(2)), ("dashes", new string('-', MixedBytes)),
        ("blanks", new string(' ', MixedBytes)), ("Chinese", string.Concat(Enumerable.Range(0, MixedBytes / 3).Select(i => (char)(0x4E00 + (i * 7919 % 5000))))),
    ];

    [Fact(Explicit = true)]
    public void Measure_AllTokenizers_WritesTable()
    {
        var table = new StringBuilder("| tokenizer | mixed text | plain method | times | ").AppendJoin(" | ", Lines.Select(line => line.Name)).AppendLine(" |");
        table.AppendLine($"|---|---:|---:|---:|{string.Concat(Enumerable.Repeat("---:|", Lines.Length))}");
        string mixed = MixedText(SentencePieces("chatglm-6b", TextAssets.IceTextModel));
        foreach ((string name, ITokenizer tokenizer, Func<string, int>? plain) in All())
        {
            double ours = Speed(Counting(tokenizer), mixed);
            string small = mixed[..4000]; // the plain methods take a word's or a line's length squared
            double theirs = plain is null ? double.NaN : Speed(plain, small);
            table.Append(CultureInfo.InvariantCulture, $"| {name} | {ours:F1} MB/s | {theirs:F2} MB/s | {ours / theirs:F0} ");
            foreach ((_, string line) in Lines)
            {
                double tenth = Speed(Counting(tokenizer), line[..(line.Length / 10)]);
                double whole = Speed(Counting(tokenizer), line);
                table.Append(CultureInfo.InvariantCulture, $"| {whole:F1} ({10 * tenth / whole:F1}) ");
            }

            table.AppendLine("|");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(table.ToString());
    }

    private static (string Name, ITokenizer Tokenizer, Func<string, int>? Plain)[] All() =>
    [
        ("ChatGLM-6B, unigram", TestModels.ChatGlm.Tokenizer, PlainTokenizers.Unigram(SentencePieces("chatglm-6b", TextAssets.IceTextModel))),
        ("ChatGLM3, SentencePiece BPE", TestModels.ChatGlm3.Tokenizer, PlainTokenizers.SentencePieces(SentencePieces("chatglm3-6b", TextAssets.TokenizerModel))),
        ("GLM-4-9B, ranks", TestModels.Ranks.Tokenizer, PlainTokenizers.BytePairs(TestModels.Ranks.Tokenizer)),
        ("bert-base-chinese, WordPiece", TestModels.Bert.Tokenizer,
            PlainTokenizers.WordPieces(File.ReadLines(Path.Combine(TestModels.TokenizerFolder("bert-base-chinese"), TextAssets.WordPieces)))),
        ("glm-nano, `tokenizer.json`", TestModels.Nano.Tokenizer, PlainTokenizers.BytePairs(TestModels.Nano.Tokenizer)),
    ];

    private static SentencePieceFile SentencePieces(string family, string name) =>
        SentencePieceFile.Read(name, File.ReadAllBytes(Path.Combine(TestModels.TokenizerFolder(family), name)));

    /// <summary>Ids go into one list that has grown already.</summary>
    private static Func<string, int> Counting(ITokenizer tokenizer)
    {
        List<int> ids = [];
        return text =>
        {
            ids.Clear();
            tokenizer.Encode(text, ids);
            return ids.Count;
        };
    }

    /// <summary>Best of some rounds after one more, in millions of UTF-8 bytes per second of processor time.</summary>
    private static double Speed(Func<string, int> encode, string text)
    {
        encode(text);
        TimeSpan best = TimeSpan.MaxValue;
        long begin = Stopwatch.GetTimestamp();
        for (int round = 0; round < FewestRounds || Stopwatch.GetElapsedTime(begin) < LongEnough; round++)
        {
            TimeSpan start = Environment.CpuUsage.TotalTime;
            encode(text);
            TimeSpan time = Environment.CpuUsage.TotalTime - start; // other programs' turns do not count
            best = time < best ? time : best;
        }

        return Encoding.UTF8.GetByteCount(text) / 1e6 / best.TotalSeconds;
    }

    /// <summary>Words drawn by the probabilities that a vocabulary gives them.</summary>
    private static string MixedText(SentencePieceFile file)
    {
        SentencePiece[] pieces = [.. file.Pieces.Where(piece => piece.Kind == PieceKind.Normal)];
        double[] sums = new double[pieces.Length];
        double sum = 0;
        for (int i = 0; i < pieces.Length; i++)
        {
            sums[i] = sum += Math.Exp(pieces[i].Score);
        }

        var random = new Random(3);
        var text = new StringBuilder();
        for (int bytes = 0; bytes < MixedBytes;)
        {
            int at = Array.BinarySearch(sums, random.NextDouble() * sum);
            string piece = pieces[Math.Min(at < 0 ? ~at : at, pieces.Length - 1)].Text.Replace('▁', ' ');
            text.Append(piece);
            bytes += Encoding.UTF8.GetByteCount(piece);
        }

        return text.ToString();
    }

    private static string Letters(int alphabet)
    {
        var random = new Random(4);
        return string.Create(MixedBytes, (random, alphabet), (span, state) =>
        {
            foreach (ref char letter in span)
            {
                letter = (char)('a' + state.random.Next(state.alphabet));
            }
        });
    }
}
