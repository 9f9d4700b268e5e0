using System.Text.Json.Nodes;
using GlmCluster.Cli.Serving;

namespace GlmCluster.Cli.Chaos;

/// <summary>A request with the answers it must get.</summary>
internal sealed record ExpectedAnswers(ChaosRequest Request, IReadOnlyList<Delivery> Answers);

/// <summary>
/// Knows what every request must be answered: a server in this process, with the same model and nothing that disturbs it, was asked before. The same
/// request gets the same tokens everywhere, so any difference is a fault of the cluster.
/// </summary>
internal static class ChaosOracle
{
    public static async Task<IReadOnlyList<ExpectedAnswers>> AskAsync(
        EmbeddedServer server, IEnumerable<ChaosRequest> requests, CancellationToken cancellationToken)
    {
        using var client = new ChaosClient([server.Url], new Random(0));
        List<ExpectedAnswers> expected = [];
        foreach (ChaosRequest request in requests)
        {
            List<Delivery> answers = [];
            foreach (JsonObject turn in request.Turns)
            {
                answers.Add(await client.AskAsync(Continue(turn, answers), streams: false, leaves: false, calm: CancellationToken.None, cancellationToken));
                if (answers[^1].Error is { } error)
                {
                    throw new ChaosException($"The undisturbed server refuses a request of the run: {error}\n{turn.ToJsonString()}");
                }
            }

            expected.Add(new ExpectedAnswers(request, answers));
        }

        return expected;
    }

    /// <summary>The next turn of a conversation that has these answers.</summary>
    public static JsonObject Continue(JsonObject turn, IReadOnlyList<Delivery> answers)
    {
        if (answers is not [.., { Id: { } last }])
        {
            return turn;
        }

        var next = (JsonObject)turn.DeepClone();
        next["conversation_id"] = last;
        return next;
    }
}

/// <summary>The run cannot be made. The message says why.</summary>
internal sealed class ChaosException(string message) : Exception(message);
