using System.Security.Cryptography;
using System.Text;

namespace GlmCluster.Gateway.Cluster;

/// <summary>
/// How gateway and silo prove to each other that they know the cluster's secret, without sending it: each answers the other's random challenge with
/// an HMAC-SHA256 over both challenges and its own role. Headers carry hex digits.
/// </summary>
internal static class LiveHandshake
{
    public const string ChallengeHeader = "Glm-Challenge";
    public const string ProofHeader = "Glm-Proof";

    private const int ChallengeBytes = 32;

    public static string NewChallenge() => RandomNumberGenerator.GetHexString(2 * ChallengeBytes, lowercase: true);

    /// <param name="secret">The cluster's.</param>
    /// <param name="isSilo">Whose proof it is; a proof cannot be sent back as one's own.</param>
    /// <param name="siloChallenge">Drawn by the silo.</param>
    /// <param name="gatewayChallenge">Drawn by the gateway.</param>
    public static string Prove(ReadOnlySpan<byte> secret, bool isSilo, string siloChallenge, string gatewayChallenge) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(
            secret, Encoding.UTF8.GetBytes($"glm-live-1 {(isSilo ? "silo" : "gateway")} {siloChallenge} {gatewayChallenge}")));

    /// <summary>Compares in a time that tells nothing.</summary>
    public static bool Matches(string expected, string? sent) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(expected), Encoding.UTF8.GetBytes(sent ?? ""));
}
