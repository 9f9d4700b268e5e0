using GlmCluster.Engine.Devices;

namespace GlmCluster.Engine.Decoding.Stages;

/// <summary>What one stage has of a decoder.</summary>
/// <param name="Device">Where it runs.</param>
/// <param name="Layers">Which layers.</param>
/// <param name="Threads">Its share of the threads.</param>
/// <param name="WeightBytes">Memory of its matrices, the head included.</param>
/// <param name="KvBytes">Memory of its layers' KV cache when full.</param>
public sealed record StageShare(DeviceName Device, LayerRange Layers, int Threads, long WeightBytes, long KvBytes);
