using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Text.Json;
using GlmCluster.Checkpoints;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Checkpoints.Tokenization;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model tokenize</c>: shows the ids of texts, or the text of ids.</summary>
internal static class TokenizeCommand
{
    private static readonly Argument<string> Folder = ModelFolderArgument.Create("Model folder; its tokenizer files are enough.");
    private static readonly Option<string> Text = new("--text") { Description = "Text to turn into ids." };
    private static readonly Option<FileInfo> Lines = new("--jsonl") { Description = "File with one JSON string a line; for each a JSON array of ids is written." };
    private static readonly Option<string> Ids = new("--decode") { Description = "Ids to turn into text, separated by commas or blanks." };
    private static readonly Option<bool> NoSpecial = new("--no-special") { Description = "Without the special tokens that the family puts around a text." };

    public static Command Create()
    {
        var command = new Command("tokenize", "Turns text into the model's ids and back. Special tokens inside texts are ordinary characters.")
        {
            Folder, Text, Lines.AcceptExistingOnly(), Ids, NoSpecial,
        };
        command.Validators.Add(RequireOneInput);
        command.SetAction(parsed => Run(parsed, parsed.InvocationConfiguration.Output));
        return command;
    }

    private static void RequireOneInput(CommandResult result)
    {
        int given = new Option[] { Text, Lines, Ids }.Count(option => result.GetResult(option) is not null);
        if (given != 1)
        {
            result.AddError("Give one of --text, --jsonl and --decode.");
        }
    }

    private static int Run(ParseResult parsed, TextWriter output)
    {
        var model = TextModel.Load(TextAssets.FromTokenizerFolder(ModelFolderArgument.Find(parsed, Folder)));
        bool plain = parsed.GetValue(NoSpecial);
        if (parsed.GetValue(Ids) is string ids)
        {
            output.WriteLine(Decode(ids, model.Tokenizer));
        }
        else if (parsed.GetValue(Text) is string text)
        {
            output.WriteLine(Encode(text, model, plain));
        }
        else
        {
            EncodeLines(parsed.GetRequiredValue(Lines).FullName, model, plain, output);
        }

        return 0;
    }

    private static void EncodeLines(string path, TextModel model, bool plain, TextWriter output)
    {
        int number = 0;
        foreach (string line in File.ReadLines(path))
        {
            number++;
            try
            {
                using JsonDocument json = JsonDocument.Parse(line);
                output.WriteLine(Encode(json.RootElement.GetString() ?? throw new InvalidOperationException("it is null"), model, plain));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw new CheckpointException($"{path}: line {number} is not a JSON string: {e.Message}", e);
            }
        }
    }

    private static string Encode(string text, TextModel model, bool plain)
    {
        List<int> ids = [];
        if (plain)
        {
            model.Tokenizer.Encode(text, ids);
        }
        else
        {
            ids = model.EncodePlain(text);
        }

        return $"[{string.Join(',', ids)}]";
    }

    private static string Decode(string list, ITokenizer tokenizer)
    {
        var detokenizer = new IncrementalDetokenizer(tokenizer);
        var text = new System.Text.StringBuilder();
        foreach (string item in list.Split([',', ' ', '\t', '\n', '\r', '[', ']'], StringSplitOptions.RemoveEmptyEntries))
        {
            text.Append(int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out int id) && id < tokenizer.Count
                ? detokenizer.Push(id)
                : throw new CheckpointException($"\"{item}\" is no id of this tokenizer; those are whole numbers from 0 to {tokenizer.Count - 1}."));
        }

        return text.Append(detokenizer.Finish()).ToString();
    }
}
