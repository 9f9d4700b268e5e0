using System.Collections.Immutable;
using System.Runtime.Intrinsics;
using GlmCluster.Engine.Onnx;

namespace GlmCluster.Engine.Kernels;

/// <summary>
/// Norms each query and key head of packed rows [tokens, (heads + 2·kvHeads)·headDim]: x · rsqrt(mean(x²) + epsilon) · weight; values pass.
/// </summary>
/// <remarks>A row's result depends on that row alone.</remarks>
internal sealed class NormHeadsOperator(SimdWidth width) : CustomOperator
{
    public const string OperatorName = "NormHeads";

    public override string Name => OperatorName;

    public override ImmutableArray<OperatorPort> Inputs { get; } =
    [
        new(TensorElement.F32), // q, k and v packed
        new(TensorElement.F32), // weight of query heads [headDim]
        new(TensorElement.F32), // weight of key heads [headDim]
    ];

    public override ImmutableArray<OperatorPort> Outputs { get; } = [new(TensorElement.F32)];

    public override OperatorKernel CreateKernel(KernelAttributes attributes)
    {
        (int heads, int kvHeads) = (attributes.Integer("num_heads"), attributes.Integer("kv_num_heads"));
        float epsilon = attributes.Float("epsilon");
        return width switch
        {
            SimdWidth.Bits512 => new NormHeadsKernel<Simd512, Vector512<float>>(heads, kvHeads, epsilon),
            SimdWidth.Bits256 => new NormHeadsKernel<Simd256, Vector256<float>>(heads, kvHeads, epsilon),
            _ => new NormHeadsKernel<Simd128, Vector128<float>>(heads, kvHeads, epsilon),
        };
    }
}

/// <summary>One <see cref="NormHeadsOperator"/> node.</summary>
internal sealed unsafe class NormHeadsKernel<TSimd, TVector>(int heads, int kvHeads, float epsilon) : OperatorKernel
    where TSimd : struct, ISimd<TVector>
    where TVector : unmanaged
{
    protected override void Compute(KernelContext context)
    {
        KernelTensor packed = context.Input(0);
        (int tokens, int packedWidth) = ((int)packed.Shape[0], (int)packed.Shape[1]);
        int headDim = packedWidth / (heads + (2 * kvHeads));
        int keysEnd = (heads + kvHeads) * headDim;
        var queryWeight = (float*)context.Input(1).Data;
        var keyWeight = (float*)context.Input(2).Data;
        var output = (float*)context.Output(0, [tokens, packedWidth]);
        for (int token = 0; token < tokens; token++)
        {
            float* source = (float*)packed.Data + ((long)token * packedWidth);
            float* target = output + ((long)token * packedWidth);
            for (int head = 0; head < heads + kvHeads; head++)
            {
                RowMath<TSimd, TVector>.Norm(
                    source + (head * headDim), head < heads ? queryWeight : keyWeight, epsilon, headDim, target + (head * headDim));
            }

            new ReadOnlySpan<float>(source + keysEnd, packedWidth - keysEnd).CopyTo(new Span<float>(target + keysEnd, packedWidth - keysEnd));
        }
    }
}
