namespace GlmCluster.Engine.Stepping;

/// <summary>Inputs of one model run: new tokens of several sequences, packed one after the other. Buffers are reused from step to step.</summary>
/// <remarks>Used only on the engine loop thread.</remarks>
public sealed class StepBatch
{
    /// <param name="tokenCapacity">Most new tokens in a step.</param>
    /// <param name="sequenceCapacity">Most sequences in a step.</param>
    /// <param name="blocksPerSequence">Width of a block table row: blocks of the longest context.</param>
    public StepBatch(int tokenCapacity, int sequenceCapacity, int blocksPerSequence)
    {
        TokenIds = new long[tokenCapacity];
        CumulativeLengths = new int[sequenceCapacity + 1];
        PastLengths = new int[sequenceCapacity];
        BlockTable = new int[sequenceCapacity * blocksPerSequence];
        LogitRows = new long[tokenCapacity];
        PrefixLengths = new int[sequenceCapacity];
        MaskPositions = new int[sequenceCapacity];
        BlocksPerSequence = blocksPerSequence;
    }

    /// <summary>Ids of the new tokens, first <see cref="TokenCount"/> used.</summary>
    public long[] TokenIds { get; }

    /// <summary>Start of each sequence's tokens and the end of the last, first <see cref="SequenceCount"/> + 1 used.</summary>
    public int[] CumulativeLengths { get; }

    /// <summary>Tokens of each sequence that are in the KV cache already.</summary>
    public int[] PastLengths { get; }

    /// <summary>Physical KV blocks, one row of <see cref="TableWidth"/> per sequence, rows packed without gaps.</summary>
    public int[] BlockTable { get; }

    /// <summary>Indices into the new tokens whose logits are wanted, first <see cref="LogitRowCount"/> used.</summary>
    public long[] LogitRows { get; }

    /// <summary>Length of each sequence's <see cref="PromptPrefix"/>.</summary>
    public int[] PrefixLengths { get; }

    /// <summary>Position of its later tokens.</summary>
    public int[] MaskPositions { get; }

    /// <summary>Largest table width.</summary>
    public int BlocksPerSequence { get; }

    public int TokenCount { get; set; }

    public int SequenceCount { get; set; }

    public int LogitRowCount { get; set; }

    /// <summary>Blocks of the longest sequence in this step, at least 1.</summary>
    public int TableWidth { get; set; }
}
