using System.CommandLine;
using GlmCluster.Cli.Benchmarks;
using GlmCluster.Cli.Chaos;
using GlmCluster.Cli.Chat;
using GlmCluster.Cli.Cluster;
using GlmCluster.Cli.Database;
using GlmCluster.Cli.Help;
using GlmCluster.Cli.LocalCluster;
using GlmCluster.Cli.Models;
using GlmCluster.Cli.Serve;

namespace GlmCluster.Cli;

/// <summary>The commands of <c>glm</c>.</summary>
internal static class GlmCommandLine
{
    public static RootCommand Create()
    {
        Command serve = ServeCommand.Create();
        Command up = UpCommand.Create();
        Command gateway = GatewayCommand.Create();
        Command silo = SiloCommand.Create();
        Command status = StatusCommand.Create();
        Command database = DatabaseCommand.Create();
        Command chat = ChatCommand.Create();
        Command bench = BenchCommand.Create();
        Command chaos = ChaosCommand.Create();
        Command model = ModelCommand.Create();
        var root = new RootCommand("Serves GLM and ChatGLM models over HTTP.") { serve, up, gateway, silo, status, chat, bench, chaos, model, database };
        HelpWithExamples.Install(root, new Dictionary<Command, string[]>
        {
            [root] = ["glm serve", "glm serve --model ~/models/glm-4-9b-chat --port 8080", "glm chat"],
            [serve] = ServeCommand.Examples,
            [up] = UpCommand.Examples,
            [gateway] = GatewayCommand.Examples,
            [silo] = SiloCommand.Examples,
            [status] = StatusCommand.Examples,
            [database] = DatabaseCommand.Examples,
            [chat] = ChatCommand.Examples,
            [bench] = BenchCommand.Examples,
            [chaos] = ChaosCommand.Examples,
            [model] = ModelCommand.Examples,
        });
        return root;
    }
}
