using GlmCluster.Checkpoints.Text;
using GlmCluster.Engine.Verification;
using GlmCluster.Silo.Quality;
using GlmCluster.TestKit;

namespace GlmCluster.Silo.Tests.Quality;

public sealed class QualityTextsTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();
    private readonly TextModel _text = TextModel.Load(TextAssets.FromFolder(RepositoryFolder.Path("assets", "glm-nano")));

    public void Dispose() => File.Delete(_file);

    /// <summary>The predictions that count are those of the answers' tokens and of the token that ends each.</summary>
    [Fact]
    public void Read_Dialogue_AnswersCount()
    {
        File.WriteAllText(_file, """
            {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"},
            """.TrimEnd() + """ {"role": "user", "content": "Bye"}, {"role": "assistant", "content": "See you"}]}""");

        ScoredSequence sequence = Assert.Single(new QualityTexts(_text, contextTokens: 100).Read(_file));

        Assert.Equal(["\nHello!", "\nSee you"], Answers(sequence));
    }

    [Fact]
    public void Read_PlainText_EveryPredictionCounts()
    {
        File.WriteAllText(_file, "\nThe weather is nice.\n");

        ScoredSequence sequence = Assert.Single(new QualityTexts(_text, contextTokens: 100).Read(_file));

        Assert.Equal(Enumerable.Range(0, sequence.Ids.Length - 1).Select(i => (long)i), sequence.Positions);
    }

    [Fact]
    public void Read_LongerThanContext_IsCut()
    {
        File.WriteAllText(_file, "The weather is nice and the weather is warm.");

        ScoredSequence sequence = Assert.Single(new QualityTexts(_text, contextTokens: 5).Read(_file));

        Assert.Equal(5, sequence.Ids.Length);
        Assert.Equal([0L, 1, 2, 3, 4], sequence.Positions);
    }

    /// <summary>Runs of counted positions, each without the last, which predicts what is not in the answer; as text.</summary>
    private IEnumerable<string> Answers(ScoredSequence sequence)
    {
        List<byte> answer = [];
        for (int i = 0; i < sequence.Positions.Length; i++)
        {
            bool isLast = i + 1 == sequence.Positions.Length || sequence.Positions[i + 1] != sequence.Positions[i] + 1;
            if (isLast)
            {
                yield return System.Text.Encoding.UTF8.GetString([.. answer]);
                answer.Clear();
            }
            else
            {
                answer.AddRange(_text.Tokenizer.GetBytes((int)sequence.Ids[sequence.Positions[i] + 1]).ToArray());
            }
        }
    }
}
