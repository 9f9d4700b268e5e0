using System.CommandLine;
using GlmCluster.Cli.Control;
using GlmCluster.Cli.Settings;

namespace GlmCluster.Cli.Models;

/// <summary><c>glm model unload</c>: takes a model out of a running server or silo.</summary>
internal static class UnloadCommand
{
    public static Command Create()
    {
        var name = new Argument<string>("NAME") { Description = "Name the model is served under." };
        var patience = new Option<string?>("--drain-timeout")
        {
            Description = "Most time that running answers have to end or to move to another silo. Default: the server's drain-timeout.",
            HelpName = "TIME",
        };
        Option<string?> server = LoadCommand.ServerOption();
        var command = new Command(
            "unload", "Takes a model out of a running server or silo of yours on this machine: running answers end first, new requests are refused, memory goes back.")
        {
            name, patience, server,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            TimeSpan? time = ReadTime(parsed.GetValue(patience));
            using ControlClient client = await ControlClient.FindAsync(parsed.GetValue(server));
            RunningModel gone = await client.UnloadAsync(parsed.GetRequiredValue(name), time, Show, cancellationToken);
            EndLine();
            await parsed.InvocationConfiguration.Output.WriteLineAsync(
                $"Unloaded {gone.Name}: {InspectionText.Size(gone.WeightBytes)} of weights and up to {InspectionText.Size(gone.KvBytes)} of KV cache are free");
            return 0;
        });
        return command;
    }

    private static TimeSpan? ReadTime(string? text)
    {
        if (text is null)
        {
            return null;
        }

        return SettingValues.TryDuration(text, out TimeSpan time) && time <= TimeSpan.FromDays(1)
            ? time
            : throw new SettingsException([$"--drain-timeout is '{text}', which is not possible. Allowed: 0s to 1d, for example 90s or 5m."]);
    }

    private static void Show(ControlLine line)
    {
        if (line.Waiting is { } waiting && !Console.IsErrorRedirected)
        {
            Console.Error.Write($"\rwaiting for {waiting} running or queued answers\e[K");
        }
    }

    private static void EndLine()
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write("\r\e[K");
        }
    }
}
