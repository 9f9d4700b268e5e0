namespace GlmCluster.Checkpoints.Chat;

/// <summary>
/// The layouts of GLM-4.5/4.6 and of GLM-4.7, for folders that bring no template: thoughts before answers, tools and calls as XML.
/// Written after the published prompts of both generations; a folder's own template goes before these.
/// </summary>
internal static class XmlToolTemplates
{
    /// <summary>GLM-4.5, 4.5-Air and 4.6: a line feed after every role and between the parts of a call.</summary>
    public static readonly string Glm45 = Create(lineFeed: "\n", thoughtOff: "\n<think></think>", thoughtOn: "", emptyThought: "<think></think>", offMark: "/nothink");

    /// <summary>GLM-4.7: no line feeds; the prompt opens or closes the thought.</summary>
    public static readonly string Glm47 = Create(lineFeed: "", thoughtOff: "</think>", thoughtOn: "<think>", emptyThought: "</think>", offMark: "");

    private static string Create(string lineFeed, string thoughtOff, string thoughtOn, string emptyThought, string offMark)
    {
        // A text literal of the template language, as Jinja reads the escape.
        string lf = lineFeed.Replace("\n", "\\n", StringComparison.Ordinal);
        string off = thoughtOff.Replace("\n", "\\n", StringComparison.Ordinal);
        string callForm = Example(lineFeed);
        return $$$$"""
            {%- set lf = '{{{{lf}}}}' -%}
            {%- set thinks = enable_thinking is not defined or enable_thinking -%}
            {%- set keeps = '{{{{offMark}}}}' == '' and clear_thinking is defined and not clear_thinking -%}
            {{- '[gMASK]<sop>' -}}
            {%- if tools -%}
                {{- '<|system|>\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n' -}}
                {{- 'You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n' -}}
                {%- for tool in tools -%}{{- tool | tojson -}}{{- '\n' -}}{%- endfor -%}
                {{- '</tools>\n\nFor each function call, output the function name and arguments within the following XML format:\n{{{{callForm}}}}' -}}
            {%- endif -%}
            {%- set last = namespace(user=-1) -%}
            {%- for message in messages -%}{%- if message.role == 'user' -%}{%- set last.user = loop.index0 -%}{%- endif -%}{%- endfor -%}
            {%- for message in messages -%}
                {%- set content = message.content -%}
                {%- if message.role == 'tool' -%}
                    {%- if loop.first or messages[loop.index0 - 1].role != 'tool' -%}{{- '<|observation|>' -}}{%- endif -%}
                    {{- lf + '<tool_response>' + lf + content + lf + '</tool_response>' -}}
                {%- elif message.role == 'assistant' -%}
                    {%- set thought = message.reasoning_content if message.reasoning_content is string else '' -%}
                    {%- if not thought and '</think>' in content -%}
                        {%- set thought = content.split('</think>')[0].split('<think>')[-1] -%}
                        {%- set content = content.split('</think>')[-1] -%}
                    {%- endif -%}
                    {%- set shows = thought.strip() and (keeps or loop.index0 > last.user) -%}
                    {{- '<|assistant|>' + lf + ('<think>' + thought.strip() + '</think>' if shows else '{{{{emptyThought}}}}') -}}
                    {%- if content.strip() -%}{{- lf + content.strip() -}}{%- endif -%}
                    {%- for call in message.tool_calls or [] -%}
                        {{- lf + '<tool_call>' + call.function.name + lf -}}
                        {%- for key, value in call.function.arguments.items() -%}
                            {{- '<arg_key>' + key + '</arg_key>' + lf + '<arg_value>' -}}
                            {{- value if value is string else value | tojson -}}
                            {{- '</arg_value>' + lf -}}
                        {%- endfor -%}
                        {{- '</tool_call>' -}}
                    {%- endfor -%}
                {%- else -%}
                    {{- '<|' + message.role + '|>' + lf + content -}}
                    {%- if message.role == 'user' and not thinks and not content.endswith('{{{{offMark}}}}') -%}{{- '{{{{offMark}}}}' -}}{%- endif -%}
                {%- endif -%}
            {%- endfor -%}
            {{- '<|assistant|>' + ('{{{{thoughtOn}}}}' if thinks else '{{{{off}}}}') -}}
            """;
    }

    /// <summary>The form of a call as the tool message shows it, escaped for a text literal.</summary>
    private static string Example(string lineFeed)
    {
        string[] parts =
        [
            "<tool_call>{function-name}",
            "<arg_key>{arg-key-1}</arg_key>",
            "<arg_value>{arg-value-1}</arg_value>",
            "<arg_key>{arg-key-2}</arg_key>",
            "<arg_value>{arg-value-2}</arg_value>",
            "...",
            "</tool_call>",
        ];
        return string.Join(lineFeed, parts).Replace("\n", "\\n", StringComparison.Ordinal);
    }
}
