namespace GlmCluster.Bench;

/// <summary>How much each measurement generates.</summary>
/// <param name="DecodeTokens">By each sequence of a decode measurement.</param>
/// <param name="ChatTokens">At most, by each chat.</param>
public sealed record BenchAmounts(int DecodeTokens, int ChatTokens)
{
    /// <param name="affordableTokens">What one sequence generates in the time of a decode measurement.</param>
    public static BenchAmounts For(double affordableTokens)
    {
        int decode = (int)Math.Clamp(affordableTokens, 16, 256);
        return new BenchAmounts(decode, ChatTokens: Math.Min(64, decode));
    }

    /// <summary>Chats that each client has one after the other; few clients of a fast model need many for a time worth measuring.</summary>
    public int ChatsPerClient(int clients) => DecodeTokens < 64 ? 1 : Math.Max(4, 32 / clients);

    public static double Median(IEnumerable<double> values)
    {
        double[] ascending = [.. values.Order()];
        return ascending.Length == 0 ? double.NaN : ascending[ascending.Length / 2];
    }
}
