namespace GlmCluster.Engine.Stepping;

/// <summary>The beginning of a prompt whose tokens see all of it: it goes into the model in one step, and is cached only whole.</summary>
/// <param name="Tokens">Its length; 0: there is none, tokens see earlier ones only.</param>
/// <param name="MaskPosition">Position that the model gives all later tokens.</param>
public readonly record struct PromptPrefix(int Tokens, int MaskPosition);
