using GlmCluster.Checkpoints.Configuration;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>Cosines and sines of the rotary angles, computed in double and stored as f32 [positions, rotaryDim / 2].</summary>
internal static class RotaryTable
{
    public static unsafe (PageMemory Cosines, PageMemory Sines) Create(int positions, int rotaryDim, double rotaryBase, RotaryScaling? scaling = null)
    {
        (double[] angles, double magnitude) = RotaryFrequencies.Create(rotaryDim, rotaryBase, scaling);
        int pairs = angles.Length;
        var cosines = new PageMemory((long)positions * pairs * sizeof(float));
        var sines = new PageMemory(cosines.ByteLength);
        var cosine = (float*)cosines.Address;
        var sine = (float*)sines.Address;
        for (int pair = 0; pair < pairs; pair++)
        {
            for (long position = 0; position < positions; position++)
            {
                (double sin, double cos) = Math.SinCos(position * angles[pair]);
                cosine[(position * pairs) + pair] = (float)(cos * magnitude);
                sine[(position * pairs) + pair] = (float)(sin * magnitude);
            }
        }

        return (cosines, sines);
    }
}
