using System.CommandLine;

namespace GlmCluster.Cli.Help;

/// <summary>Says what is wrong with a command line or its settings.</summary>
internal static class CommandLineErrors
{
    /// <summary>Exit code of a command that was not started because of how it was called.</summary>
    public const int ExitCode = 2;

    /// <summary>Exit code of a command that was stopped by a signal.</summary>
    public const int Interrupted = 130;

    /// <returns><see cref="ExitCode"/>.</returns>
    public static int Report(IEnumerable<string> problems, Command command)
    {
        foreach (string problem in problems)
        {
            Console.Error.WriteLine($"glm: {problem}");
        }

        Console.Error.WriteLine($"glm: see `glm {(command is RootCommand ? "" : $"{FullName(command)} ")}--help`.");
        return ExitCode;
    }

    private static string FullName(Command command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent and not RootCommand ? $"{FullName(parent)} {command.Name}" : command.Name;
}
