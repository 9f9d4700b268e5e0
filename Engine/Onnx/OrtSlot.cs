namespace GlmCluster.Engine.Onnx;

/// <summary>Positions in the <c>OrtApi</c> table of function pointers; it only grows at its end.</summary>
/// <remarks>
/// Source: <c>ort_api_1_to_…</c> in <c>onnxruntime/core/session/onnxruntime_c_api.cc</c>. The version is the one that added the slot.
/// </remarks>
internal static class OrtSlot
{
    // Version 1
    public const int CreateStatus = 0;
    public const int GetErrorMessage = 2;
    public const int CreateEnv = 3;
    public const int CreateSessionOptions = 10;
    public const int DisableMemPattern = 17;
    public const int SetSessionGraphOptimizationLevel = 23;
    public const int SetIntraOpNumThreads = 24;
    public const int CreateCustomOpDomain = 26;
    public const int CustomOpDomainAdd = 27;
    public const int AddCustomOpDomain = 28;
    public const int CreateRunOptions = 39;
    public const int RunOptionsSetTerminate = 46;
    public const int RunOptionsUnsetTerminate = 47;
    public const int CreateTensorAsOrtValue = 48;
    public const int CreateTensorWithDataAsOrtValue = 49;
    public const int GetTensorMutableData = 51;
    public const int CreateTensorTypeAndShapeInfo = 57;
    public const int SetTensorElementType = 58;
    public const int SetDimensions = 59;
    public const int CreateCpuMemoryInfo = 69;
    public const int GetAllocatorWithDefaultOptions = 78;
    public const int KernelInfoGetAttributeFloat = 85;
    public const int KernelInfoGetAttributeInt64 = 86;
    public const int KernelContextGetInputCount = 88;
    public const int KernelContextGetInput = 90;
    public const int KernelContextGetOutput = 91;
    public const int ReleaseEnv = 92;
    public const int ReleaseStatus = 93;
    public const int ReleaseMemoryInfo = 94;
    public const int ReleaseSession = 95;
    public const int ReleaseValue = 96;
    public const int ReleaseRunOptions = 97;
    public const int ReleaseTypeInfo = 98;
    public const int ReleaseTensorTypeAndShapeInfo = 99;
    public const int ReleaseSessionOptions = 100;
    public const int ReleaseCustomOpDomain = 101;

    // Version 5
    public const int AddSessionConfigEntry = 130;
    public const int RunWithBinding = 133;
    public const int CreateIoBinding = 134;
    public const int ReleaseIoBinding = 135;
    public const int BindInput = 136;
    public const int BindOutput = 137;

    // Version 9
    public const int RegisterAllocator = 176;

    // Version 12
    public const int CreateOpAttr = 211;

    // Version 17
    public const int KernelContextParallelFor = 274;

    // Version 22
    public const int ReleaseValueInfo = 285;
    public const int ReleaseNode = 286;
    public const int ReleaseGraph = 287;
    public const int ReleaseModel = 288;
    public const int GetModelEditorApi = 291;
    public const int CreateTensorWithDataAndDeleterAsOrtValue = 292;

    // Version 24
    public const int GetTensorElementTypeAndShapeDataReference = 414;
}

/// <summary>Positions in the <c>OrtModelEditorApi</c> table, all of version 22.</summary>
internal static class OrtEditorSlot
{
    public const int CreateTensorTypeInfo = 0;
    public const int CreateValueInfo = 5;
    public const int CreateNode = 6;
    public const int CreateGraph = 7;
    public const int SetGraphInputs = 8;
    public const int SetGraphOutputs = 9;
    public const int AddInitializerToGraph = 10;
    public const int AddNodeToGraph = 11;
    public const int CreateModel = 12;
    public const int AddGraphToModel = 13;
    public const int CreateModelEditorSessionFromArray = 16;
    public const int ApplyModelToModelEditorSession = 18;
    public const int FinalizeModelEditorSession = 19;
}
