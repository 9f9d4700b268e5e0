using System.Text.Json;
using GlmCluster.Checkpoints.Chat.Jinja;

namespace GlmCluster.Checkpoints.Tests.Chat.Jinja;

public sealed class JinjaTemplateTests
{
    private static readonly Dictionary<string, object?> Names = new()
    {
        ["name"] = MarkedText.FromData("Ada"),
        ["numbers"] = JinjaJson.Read(JsonDocument.Parse("[3, 1, 2]").RootElement),
        ["tool"] = JinjaJson.Read(JsonDocument.Parse("""{"type": "function", "f": {"b": 1, "a": [true, null, 2.5], "t": "<查>"}}""").RootElement),
        ["messages"] = JinjaJson.Read(JsonDocument.Parse(
            """[{"role": "user", "content": "a"}, {"role": "assistant", "content": " b </think> c "}, {"role": "tool", "content": "d"}]""").RootElement),
    };

    // What Jinja 3 prints for these, worked out from its documentation and Python's rules.
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("a {{ name }} b", "a Ada b")]
    [InlineData("{{ missing }}|{{ missing is defined }}|{{ name is string }}", "|False|True")]
    [InlineData("{{ 1 + 2 * 3 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 4 / 2 }}", "7 3 -4 1 2 3.5 2.0")]
    [InlineData("{{ 'a' ~ 1 ~ none ~ true }}", "a1NoneTrue")]
    [InlineData("{{ 1 if name else 2 }}{{ 1 if missing }}", "1")]
    [InlineData("{{ not name or 0 or 'x' }} {{ name and 5 }}", "x 5")]
    [InlineData("{{ 2 in numbers }} {{ 'd' not in name }} {{ 'role' in messages[0] }}", "True False True")]
    [InlineData("{{ 1 < 2 and 'b' >= 'a' and 1 == 1.0 and [1] == [1] }}", "True")]
    [InlineData("{{ numbers[0] }}{{ numbers[-1] }}{{ numbers[9] }}{{ numbers[1:] }}{{ numbers[::-1] }}{{ name[:2] }}", "32[1, 2][2, 1, 3]Ad")]
    [InlineData("{{ messages[1].content.split('</think>')[-1].strip() }}", "c")]
    [InlineData("{{ '  x '.lstrip() }}|{{ 'xay'.strip('xy') }}|{{ 'ab'.endswith('b') }}|{{ 'a b  c'.split() }}", "x |a|True|['a', 'b', 'c']")]
    [InlineData("{{ {'a': 1}.get('b', 2) }}{{ {'a': 1}.get('b') }}", "2None")]
    [InlineData("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}{{ v }},{% endfor %}", "a1,b2,")]
    [InlineData("{% for n in numbers if n > 1 %}{{ loop.index0 }}:{{ n }}{{ '' if loop.last else ' ' }}{% endfor %}", "0:3 1:2")]
    [InlineData("{% for n in [] %}x{% else %}none{% endfor %}", "none")]
    [InlineData("{% for n in numbers %}{% if n == 1 %}{% continue %}{% endif %}{{ n }}{% if n == 2 %}{% break %}{% endif %}{% endfor %}", "32")]
    [InlineData("{% set x = 1 %}{% for n in numbers %}{% set x = n %}{% endfor %}{{ x }}", "1")]
    [InlineData("{% set ns = namespace(x=0) %}{% for n in numbers %}{% set ns.x = ns.x + n %}{% endfor %}{{ ns.x }}", "6")]
    [InlineData("{% macro m(a, b='y') %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}{{ m(1, b=2) }}", "1y12")]
    [InlineData("{% set x %}a{{ 1 }}{% endset %}{{ x }}{% set a, b = 1, 2 %}{{ b }}", "a12")]
    [InlineData("{{ missing | default('x') }}{{ '' | default('y', true) }}{{ numbers | length }}{{ numbers | join('-') }}", "xy33-1-2")]
    [InlineData("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ messages | map(attribute='role') | join(',') }}", "1user,assistant,tool")]
    [InlineData("{{ tool | tojson }}", """{"type": "function", "f": {"b": 1, "a": [true, null, 2.5], "t": "<查>"}}""")]
    [InlineData("{{ tool.f | tojson(ensure_ascii=True, separators=(',', ':'), sort_keys=true) }}", """{"a":[true,null,2.5],"b":1,"t":"<\u67e5>"}""")]
    [InlineData("{{ {'a': [1, {}]} | tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {}\n  ]\n}")]
    [InlineData("{# no #}x{#- y -#}  z", "xz")]
    [InlineData("a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc")]
    [InlineData("a \n {%- if true -%} \n b {{- 1 -}} \n c{% endif %}", "ab1c")]
    [InlineData("{{ 'x' }}\ny", "x\ny")]
    [InlineData("{{ 'a' 'b' }}{{ \"\\n\\u4f60\" }}", "ab\n你")]
    [InlineData("{% for i in range(1, 7, 3) %}{{ i }}{% endfor %}{{ range(2) | list }}", "14[0, 1]")]
    [InlineData("{% generation %}x{% endgeneration %}", "x")]
    public void Render_PublishedConstructs_PrintsWhatJinjaPrints(string source, string expected) =>
        Assert.Equal(expected, JinjaTemplate.Parse(source).Render(Names).Text);

    [Theory]
    [InlineData("a\n{% include 'x' %}", "line 2: the statement 'include' is not supported.")]
    [InlineData("{% block x %}{% endblock %}", "line 1: the statement 'block' is not supported.")]
    [InlineData("{{ name | shout }}", "line 1: the filter 'shout' is not supported.")]
    [InlineData("{{ name is odd_looking }}", "line 1: the test 'odd_looking' is not supported.")]
    [InlineData("{% if a %}", "line 1: 'if' is not closed.")]
    [InlineData("{% for a in b %}{% endif %}", "line 1: 'for' is closed by 'endif'.")]
    [InlineData("{% endif %}", "'endif' closes nothing.")]
    [InlineData("{{ 'a }}", "a text does not end.")]
    [InlineData("{{ a", "a tag does not end.")]
    [InlineData("{{ a b }}", "was expected, not 'b'")]
    [InlineData("{{ a ! b }}", "the character '!' is not understood.")]
    [InlineData("{# a", "a comment does not end.")]
    public void Parse_UnsupportedOrBroken_NamesTheConstruct(string source, string problem) =>
        Assert.Contains(problem, Assert.Throws<JinjaException>(() => JinjaTemplate.Parse(source)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("{{ strftime_now('%Y') }}", "line 1: the function 'strftime_now' is not known.")]
    [InlineData("{{ name.__class__.mro() }}", "'__class__' is not defined")]
    [InlineData("{{ name.format(1) }}", "the method 'format' is not known.")]
    [InlineData("{{ missing.x }}", "'missing' is not defined")]
    [InlineData("{{ 1 + 'a' }}", "'+' does not work on a number and a text.")]
    [InlineData("{{ 1 // 0 }}", "a division by zero.")]
    [InlineData("{% for x in 5 %}{% endfor %}", "a number cannot be looped over.")]
    [InlineData("{% macro m(n) %}{{ m(n + 1) }}{% endmacro %}{{ m(0) }}", "nests or recurses more than")]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "more than 10,000 steps")]
    [InlineData("{{ range(999999999) }}", "the limit is 100,000")]
    [InlineData("{% set ns = namespace(x='aaaaaaaaaaaaaaaa') %}{% for i in range(1000) %}{% set ns.x = ns.x + ns.x %}{% endfor %}", "characters of text")]
    public void Render_HostileOrFailing_EndsWithAClearError(string source, string problem) => Assert.Contains(
        problem,
        Assert.Throws<JinjaException>(() => JinjaTemplate.Parse(source).Render(Names, steps: 10_000)).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("(", ")")]
    [InlineData("[", "]")]
    [InlineData("a.", "")]
    [InlineData("1 + ", "")]
    public void Parse_DeepNesting_NeverOverflowsTheStack(string before, string behind)
    {
        string source = $"{{{{ {string.Concat(Enumerable.Repeat(before, 50_000))}a{string.Concat(Enumerable.Repeat(behind, 50_000))} }}}}";
        Assert.ThrowsAny<JinjaException>(() => JinjaTemplate.Parse(source).Render(new Dictionary<string, object?> { ["a"] = new JinjaMap { ["a"] = 1L } }));
    }

    [Fact]
    public void Render_RaisedException_IsToldApart() => Assert.Equal(
        "no system", Assert.Throws<JinjaRaisedException>(() => JinjaTemplate.Parse("{{ raise_exception('no system') }}").Render(Names)).Message);

    [Fact]
    public void Render_DataThroughOperations_StaysMarked()
    {
        MarkedText text = JinjaTemplate.Parse("<b>{{ (' ' + name + '!').strip().replace('d', '<b>') | upper }}").Render(Names);

        Assert.Equal("<b>A<B>A!", text.Text);
        Assert.Equal([.. "   #   # "], Enumerable.Range(0, text.Length).Select(i => text.HasData(i, 1) ? '#' : ' '));
    }
}
