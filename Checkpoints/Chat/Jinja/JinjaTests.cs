namespace GlmCluster.Checkpoints.Chat.Jinja;

/// <summary>Answers a question about a value.</summary>
internal delegate bool JinjaTest(object? subject, JinjaArguments arguments);

/// <summary>The tests behind <c>is</c>.</summary>
internal static class JinjaTests
{
    public static JinjaTest? Find(string name) => name switch
    {
        "defined" => (subject, _) => !JinjaValues.IsUndefined(subject),
        "undefined" => (subject, _) => JinjaValues.IsUndefined(subject),
        "none" => (subject, _) => subject is null,
        "string" => (subject, _) => subject is MarkedText,
        "mapping" => (subject, _) => subject is JinjaMap,
        "sequence" or "iterable" => (subject, _) => subject is MarkedText or List<object?> or JinjaMap,
        "number" => (subject, _) => subject is long or double or bool,
        "integer" => (subject, _) => subject is long,
        "float" => (subject, _) => subject is double,
        "boolean" => (subject, _) => subject is bool,
        "true" => (subject, _) => subject is true,
        "false" => (subject, _) => subject is false,
        "callable" => (subject, _) => subject is JinjaFunction,
        "odd" => (subject, _) => subject is long number && number % 2 != 0,
        "even" => (subject, _) => subject is long number && number % 2 == 0,
        "eq" or "equalto" or "sameas" => (subject, arguments) => JinjaValues.AreEqual(subject, arguments.Get(0, "other")),
        "ne" => (subject, arguments) => !JinjaValues.AreEqual(subject, arguments.Get(0, "other")),
        "gt" => (subject, arguments) => JinjaValues.Compare(subject, arguments.Get(0, "other")) > 0,
        "ge" => (subject, arguments) => JinjaValues.Compare(subject, arguments.Get(0, "other")) >= 0,
        "lt" => (subject, arguments) => JinjaValues.Compare(subject, arguments.Get(0, "other")) < 0,
        "le" => (subject, arguments) => JinjaValues.Compare(subject, arguments.Get(0, "other")) <= 0,
        "in" => (subject, arguments) => JinjaValues.Contains(arguments.Get(0, "seq"), subject),
        _ => null,
    };
}
