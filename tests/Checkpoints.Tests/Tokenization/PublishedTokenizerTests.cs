using System.Text.Json;
using GlmCluster.Checkpoints.Tests.Text;
using GlmCluster.Checkpoints.Text;

namespace GlmCluster.Checkpoints.Tests.Tokenization;

public sealed class PublishedTokenizerTests
{
    public static TheoryData<string, string, int> TextVectors()
    {
        var data = new TheoryData<string, string, int>();
        foreach ((string group, string family, int index) in PublishedVectors.All())
        {
            if (PublishedVectors.KindOf(family, PublishedVectors.Get(group, family, index)) != "chat")
            {
                data.Add(group, family, index);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(TextVectors))]
    public void Encode_PublishedVector_GivesItsIds(string group, string family, int index)
    {
        JsonElement vector = PublishedVectors.Get(group, family, index);
        TextModel model = TestModels.Published(family);
        string text = vector.GetProperty("text").GetString()!;

        List<int> ids = PublishedVectors.KindOf(family, vector) == "encode_ordinary"
            ? BytePairTokenizerTests.Encode(model.Tokenizer, text)
            : model.EncodePlain(text);

        Assert.Equal(PublishedVectors.IdsOf(vector), ids);
    }
}
