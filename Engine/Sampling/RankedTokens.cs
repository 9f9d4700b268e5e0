using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace GlmCluster.Engine.Sampling;

/// <summary>The ids of one row in the order (logit descending, id ascending), cut and picked from without sorting them all.</summary>
/// <remarks>
/// A histogram over the distance to the largest logit finds the bucket in which a rank or a cumulated mass lies; only that bucket is sorted.
/// Masses are multiples of 2⁻³⁵ and a row has fewer than 2¹⁸ ids, so their sums are exact in a double, in any order:
/// the histogram gives the very result of sorting everything and adding up, with vectors of any width.
/// </remarks>
internal sealed class RankedTokens
{
    private const int BucketsPerUnit = 64;

    /// <summary>Distances (in natural logarithms) below 8 nearly always hold what is asked for, and few ids.</summary>
    private const int HeadBuckets = 8 * BucketsPerUnit;

    /// <summary>From distance 25 on a mass rounds to zero: e⁻²⁵ is less than half of 2⁻³⁵.</summary>
    private const int BucketCount = 25 * BucketsPerUnit;

    private const int MaxVocabulary = 1 << 18;

    /// <summary>Adding it to a number in [0, 1] and taking it away again rounds to a multiple of 2⁻³⁵: it has 52 - 17 binary places.</summary>
    private const double MassRounder = 1 << 17;

    private const uint SignBit = 0x8000_0000;

    // Rows are padded to whole vectors with ids that nothing can pick.
    private readonly float[] _logits;
    private readonly float[] _weights; // e^-distance
    private readonly int[] _buckets; // BucketCount: out of reach
    private readonly ulong[] _members; // of _sortedBucket, in rank order: see RankKey
    private readonly int[] _counts = new int[BucketCount + 1];
    private readonly double[] _masses = new double[BucketCount + 1];
    private float _largest;
    private float _temperature;
    private int _countedBuckets;
    private int _sortedBucket;
    private double _keptMass;

    public RankedTokens(int vocabularySize)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vocabularySize, MaxVocabulary);
        int lanes = Vector256<float>.Count;
        int padded = (vocabularySize + lanes - 1) / lanes * lanes;
        _logits = new float[padded];
        _logits.AsSpan(vocabularySize).Fill(float.NegativeInfinity);
        _weights = new float[padded];
        _buckets = new int[padded];
        _members = new ulong[padded];
    }

    /// <summary>Takes a new row.</summary>
    /// <param name="logits">Shape (vocab,), no NaN.</param>
    /// <param name="largest">The largest logit, finite.</param>
    /// <param name="temperature">Divisor, greater than 0.</param>
    public void Load(ReadOnlySpan<float> logits, float largest, float temperature)
    {
        logits.CopyTo(_logits);
        _largest = largest;
        _temperature = temperature;
        ReadOnlySpan<Vector256<float>> rows = MemoryMarshal.Cast<float, Vector256<float>>(_logits);
        Span<Vector256<float>> weights = MemoryMarshal.Cast<float, Vector256<float>>(_weights.AsSpan());
        Span<Vector256<int>> buckets = MemoryMarshal.Cast<int, Vector256<int>>(_buckets.AsSpan());
        Vector256<float> top = Vector256.Create(largest);
        Vector256<float> beyond = Vector256.Create((float)BucketCount);
        Vector256<double> rounder = Vector256.Create(MassRounder);
        Vector256<double> mass = Vector256<double>.Zero;
        for (int i = 0; i < rows.Length; i++)
        {
            // Each step from logit to bucket is monotonic, so a smaller logit is never in an earlier bucket.
            Vector256<float> distance = (top - rows[i]) / temperature;
            buckets[i] = Vector256.ConvertToInt32(Vector256.Min(distance * BucketsPerUnit, beyond));
            weights[i] = Vector256.Exp(-distance);
            (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(weights[i]);
            mass += lower + rounder - rounder;
            mass += upper + rounder - rounder;
        }

        _keptMass = Vector256.Sum(mass);
        _sortedBucket = -1;
        CountBuckets(HeadBuckets);
    }

    /// <summary>Keeps the first ranks.</summary>
    /// <param name="count">At least 1.</param>
    public void KeepCount(int count)
    {
        int ranks = 0;
        double mass = 0;
        int bucket = 0;
        while (ranks + _counts[bucket] < count)
        {
            ranks += _counts[bucket];
            mass += _masses[bucket];
            if (++bucket == BucketCount)
            {
                return; // what is out of reach has no mass
            }

            CountUpTo(bucket);
        }

        foreach (ulong member in Members(bucket)[..(count - ranks)])
        {
            mass += MassOf(member);
        }

        _keptMass = mass;
    }

    /// <summary>Keeps the fewest first ranks that have at least this share of the mass kept now.</summary>
    /// <param name="share">In (0, 1].</param>
    public void KeepMass(double share) => FindAbove(Math.BitDecrement(share * _keptMass), out _keptMass);

    /// <summary>Of the ranks kept now, keeps those that are at most so far from the first.</summary>
    /// <param name="distance">In natural logarithms of the probability, 0 or more.</param>
    public void KeepNear(float distance)
    {
        int last = (int)MathF.Min(distance * BucketsPerUnit, BucketCount);
        if (last == BucketCount)
        {
            return; // what is out of reach has no mass
        }

        double mass = 0;
        for (int bucket = 0; bucket < last; CountUpTo(++bucket))
        {
            mass += _masses[bucket];
        }

        foreach (ulong member in Members(last))
        {
            bool isNear = (_largest - _logits[IdOf(member)]) / _temperature <= distance;
            mass += isNear ? MassOf(member) : 0;
        }

        _keptMass = Math.Min(_keptMass, mass);
    }

    /// <summary>The id at a point of the cumulated mass of the kept ranks.</summary>
    /// <param name="uniform">In [0, 1), a multiple of 2⁻⁵²: its product with the kept mass is always less than the mass.</param>
    public int Pick(double uniform) => FindAbove(uniform * _keptMass, out _);

    /// <summary>Finds the first rank at which the cumulated mass is above a limit that is less than the kept mass.</summary>
    private int FindAbove(double limit, out double mass)
    {
        mass = 0;
        int bucket = 0;
        while (mass + _masses[bucket] <= limit)
        {
            mass += _masses[bucket];
            CountUpTo(++bucket);
        }

        foreach (ulong member in Members(bucket))
        {
            mass += MassOf(member);
            if (mass > limit)
            {
                return IdOf(member);
            }
        }

        throw new UnreachableException("The histogram and its members disagree.");
    }

    private void CountUpTo(int bucket)
    {
        if (bucket == _countedBuckets)
        {
            CountBuckets(BucketCount);
        }
    }

    /// <summary>Fills the histogram's first buckets. Later ones get only a part of their ids and are not to be read.</summary>
    private void CountBuckets(int bucketCount)
    {
        Array.Clear(_counts);
        Array.Clear(_masses);
        ReadOnlySpan<Vector256<int>> groups = MemoryMarshal.Cast<int, Vector256<int>>(_buckets);
        Vector256<int> end = Vector256.Create(bucketCount);
        for (int i = 0; i < groups.Length; i++)
        {
            if (!Vector256.LessThanAny(groups[i], end))
            {
                continue;
            }

            for (int id = i * Vector256<int>.Count; id < (i + 1) * Vector256<int>.Count; id++)
            {
                _counts[_buckets[id]]++;
                _masses[_buckets[id]] += Mass(_weights[id]);
            }
        }

        _countedBuckets = bucketCount;
    }

    /// <summary>Ids of a bucket in rank order.</summary>
    private ReadOnlySpan<ulong> Members(int bucket)
    {
        int count = _counts[bucket];
        if (_sortedBucket != bucket)
        {
            int id = -1;
            for (int i = 0; i < count; i++)
            {
                id += 1 + _buckets.AsSpan(id + 1).IndexOf(bucket);
                // Adding 0 makes -0 a 0, which it ties with.
                _members[i] = RankKey(_logits[id] + 0f, id);
            }

            _members.AsSpan(0, count).Sort();
            _sortedBucket = bucket;
        }

        return _members.AsSpan(0, count);
    }

    /// <summary>Orders like (logit descending, id ascending): the complement of the logit's order-preserving bits above, the id below.</summary>
    private static ulong RankKey(float logit, int id)
    {
        uint bits = BitConverter.SingleToUInt32Bits(logit);
        uint descending = (bits & SignBit) != 0 ? bits : ~(bits | SignBit);
        return ((ulong)descending << 32) | (uint)id;
    }

    private static int IdOf(ulong member) => (int)(uint)member;

    private double MassOf(ulong member) => Mass(_weights[IdOf(member)]);

    private static double Mass(float weight) => weight + MassRounder - MassRounder;
}
