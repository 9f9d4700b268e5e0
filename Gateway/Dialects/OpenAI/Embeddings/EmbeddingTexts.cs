using System.Collections.Immutable;
using System.Globalization;
using GlmCluster.Checkpoints.Text;
using GlmCluster.Gateway.Models;

namespace GlmCluster.Gateway.Dialects.OpenAI.Embeddings;

/// <summary>Turns the inputs of a request into ids, as long as the model takes them.</summary>
internal static class EmbeddingTexts
{
    /// <summary>Most inputs of a request, as OpenAI has it.</summary>
    public const int MostInputs = 2048;

    /// <summary>Texts, or the error of the first input that cannot be used.</summary>
    public static (ImmutableArray<ImmutableArray<int>> Texts, OpenAIError? Error) Encode(
        ImmutableArray<EmbeddingInput> inputs, ServedModel model, bool truncates)
    {
        if (inputs.Length is 0 or > MostInputs)
        {
            return ([], OpenAIError.Invalid(Invariant($"'input' has {inputs.Length:N0} texts; supported are 1 to {MostInputs:N0} a request."), "input"));
        }

        var texts = ImmutableArray.CreateBuilder<ImmutableArray<int>>(inputs.Length);
        int most = model.Card.ContextTokens;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (CheckContent(inputs[i], i, model) is { } wrong)
            {
                return ([], wrong);
            }

            List<int> ids = inputs[i].Text is { } text ? model.Text.EncodePlain(text) : model.Text.EncodeAround(inputs[i].Ids);
            if (ids.Count > most && !truncates)
            {
                return ([], OpenAIError.Invalid(
                    Invariant($"Input {i} has {ids.Count:N0} tokens; the model '{model.Card.Model.Name}' takes {most:N0}. Shorten it, or leave 'truncate' out."),
                    "input",
                    "context_length_exceeded"));
            }

            texts.Add([.. Cut(ids, most, model.Text)]);
        }

        return (texts.MoveToImmutable(), null);
    }

    private static OpenAIError? CheckContent(EmbeddingInput input, int index, ServedModel model)
    {
        if (input.Text is "" || (input.Text is null && input.Ids.IsEmpty))
        {
            return OpenAIError.Invalid(Invariant($"Input {index} is empty; every text needs at least one character or token id."), "input");
        }

        int vocabulary = model.Card.VocabularySize;
        foreach (int id in input.Ids)
        {
            if ((uint)id >= (uint)vocabulary)
            {
                return OpenAIError.Invalid(
                    Invariant($"Input {index} has the token id {id}; ids of '{model.Card.Model.Name}' are 0 to {vocabulary - 1}."), "input");
            }
        }

        return null;
    }

    /// <summary>Cuts a text at its end, and keeps the token that closes it.</summary>
    private static IEnumerable<int> Cut(List<int> ids, int most, TextModel text) =>
        ids.Count <= most ? ids : ids.Take(most - text.PlainSuffixLength).Concat(ids.TakeLast(text.PlainSuffixLength));

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
