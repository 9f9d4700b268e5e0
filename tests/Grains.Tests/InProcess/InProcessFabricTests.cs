using GlmCluster.Grains.Tests.Contracts;

namespace GlmCluster.Grains.Tests.InProcess;

public sealed class InProcessAdmissionTests() : AdmissionContract(new InProcessHarness());

public sealed class InProcessConversationTests() : ConversationContract(new InProcessHarness());

public sealed class InProcessReadingTests() : ReadingContract(new InProcessHarness());

public sealed class InProcessWorkerTests() : WorkerContract(new InProcessHarness());

public sealed class InProcessChoiceTests() : ChoiceContract(new InProcessHarness());

public sealed class InProcessEmbeddingTests() : EmbeddingContract(new InProcessHarness());

public sealed class InProcessRecoveryTests() : RecoveryContract(new InProcessHarness());

public sealed class InProcessOverloadTests() : OverloadContract(new InProcessHarness { CallerLimits = OverloadContract.Limits });
