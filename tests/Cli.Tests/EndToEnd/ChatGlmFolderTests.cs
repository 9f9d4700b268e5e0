using System.Text.Json.Nodes;
using GlmCluster.TestKit;

namespace GlmCluster.Cli.Tests.EndToEnd;

/// <summary>A folder as ChatGLM2 and ChatGLM3 were published: the small reference network, a SentencePiece model, and what tells the releases apart.</summary>
public sealed class ChatGlmFolderTests
{
    // ChatGLM3: [gMASK] sop <|user|> ▁ LF ▁hello <|assistant|>. ChatGLM2: the text "[Round 1]\n\n问：hello\n\n答：".
    [Theory]
    [InlineData("chatglm3-6b", 7)]
    [InlineData("chatglm2-6b", 21)]
    public async Task Serve_PublishedLayout_AnswersWholeAndStreamed(string release, int promptTokens)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        CreateModel(folder.FullName, release);
        await using (ServerProcess server = await ServerProcess.StartAsync(
            Path.Combine(folder.FullName, "store.db"), "--model", folder.FullName, "--model-name", "glm-nano"))
        {
            using var api = new ChatApi(server.Url);

            JsonObject answer = await api.CompleteAsync(ChatApi.UserMessage("hello"));
            ChatApi.Stream stream = await api.StreamAsync("hello");

            Assert.Equal(promptTokens, (int)answer["usage"]!["prompt_tokens"]!);
            Assert.NotEmpty((string)answer["choices"]![0]!["message"]!["content"]!);
            Assert.NotEmpty(stream.Text);
            Assert.NotNull(stream.FinishReason);
        }

        folder.Delete(recursive: true);
    }

    private static void CreateModel(string folder, string release)
    {
        foreach (string name in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(RepositoryFolder.Path("tests", "data", "golden", "chatglm", name), Path.Combine(folder, name));
        }

        File.Copy(RepositoryFolder.Path("tests", "data", "tokenizers", "small-chatglm", "tokenizer.model"), Path.Combine(folder, "tokenizer.model"));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), $$"""{"name_or_path": "THUDM/{{release}}", "tokenizer_class": "ChatGLMTokenizer"}""");
    }
}
