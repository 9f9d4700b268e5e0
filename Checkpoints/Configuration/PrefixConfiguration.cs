namespace GlmCluster.Checkpoints.Configuration;

/// <summary>Special ids that divide a ChatGLM-6B prompt: all tokens see what is before the answer's start, and a mask says where it goes.</summary>
/// <param name="StartId"><c>&lt;sop&gt;</c>: the answer starts here.</param>
/// <param name="GMaskId"><c>[gMASK]</c>: its place is the position of all of the answer.</param>
/// <param name="MaskId"><c>[MASK]</c>: likewise where there is no <c>[gMASK]</c>.</param>
public sealed record PrefixConfiguration(int StartId, int GMaskId, int MaskId);
