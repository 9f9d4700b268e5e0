using GlmCluster.Grains.Tests.Contracts;

namespace GlmCluster.Grains.Tests.Postgres;

public sealed class PostgresAdmissionTests() : AdmissionContract(new PostgresHarness());

public sealed class PostgresChoiceTests() : ChoiceContract(new PostgresHarness());

public sealed class PostgresConversationTests() : ConversationContract(new PostgresHarness());

public sealed class PostgresReadingTests() : ReadingContract(new PostgresHarness());

public sealed class PostgresWorkerTests() : WorkerContract(new PostgresHarness());

public sealed class PostgresEmbeddingTests() : EmbeddingContract(new PostgresHarness());

public sealed class PostgresRecoveryTests() : RecoveryContract(new PostgresHarness());

public sealed class PostgresOverloadTests() : OverloadContract(new PostgresHarness { CallerLimits = OverloadContract.Limits });
