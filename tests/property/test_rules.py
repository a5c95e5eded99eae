"""Whatever stands in a rule file, it is answered by a rule set or by diagnostics with places; never by an exception."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import Diagnostic
from router.rules.compiling import ruleset_from_texts, ruleset_texts
from tests.support.rule_texts import CHANNELS, SCALE, TEAMS, compile_texts

EXAMPLES = [path.read_text() for path in sorted(Path("rules").glob("*.yaml")) if not path.name.endswith(".test.yaml")]
FRAGMENTS = [
    "rules:", "- ", "id: ", "id: a", "match: {", "}", "]", "[", "{", ": ", "\n", "\n  ", "\n    ", '"', "'", "service: ",
    "*-db", "!x", "/(/", "when: {count: 3, within: 5m}", "when:", "count: -1", "within: 5", "page: [owner, nobody]",
    "{{ service }}", "{{ x() }}", "{% for", "drop: true", "continue: true", "resolve: never", "null", "~", "&a", "*a",
    "<<: ", "? ",
    "!!python/object:os.system",
    "\t", "\x00", "\ud800", "\ufeff", "é", "---", "...", "# x", "severity: [error", "where: {a: {lt: .nan}}", "version: 99",
    "0x1F", "1e999", "defaults: {page: x}",
]  # fmt: skip


def check(text: str) -> None:
    ruleset, diagnostics = compile_texts(text)
    lines = text.count("\n") + text.count("\r") + 1
    for found in diagnostics:
        assert isinstance(found, Diagnostic)
        assert found.code
        assert found.message
        assert 1 <= found.span.line <= lines
        assert found.span.column >= 1
        assert (found.span.end_line, found.span.end_column) >= (found.span.line, found.span.column)
    assert (ruleset is None) is any(found.level == "error" for found in diagnostics)


@settings(max_examples=150)
@given(
    text=st.sampled_from(EXAMPLES),
    edits=st.lists(
        st.tuples(st.floats(min_value=0, max_value=1), st.integers(min_value=0, max_value=30), st.sampled_from(FRAGMENTS)),
        min_size=1,
        max_size=6,
    ),
)
def test_a_mutated_rule_file_never_raises(text: str, edits: list[tuple[float, int, str]]) -> None:
    for where, cut, fragment in edits:
        position = int(where * len(text))
        text = text[:position] + fragment + text[position + cut :]
    check(text)


scalars = st.sampled_from(
    ["a", "owner", "5m", "3", "true", "null", "0.5", '"*"', "x-*", '"!"', "/x/", "{}", "[]", '"{{ name }}"']
)
keys = st.sampled_from(
    ["id", "match", "service", "name", "labels", "where", "lt", "when", "count", "within", "per", "page", "drop", "resolve",
     "limit", "continue", "summary", "links", "href", "group_by", "after_quiet", "severity", "min_severity", "foo"]
)  # fmt: skip
nodes = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.dictionaries(keys, inner, max_size=4).map(
            lambda parts: "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"
        ),
    ),
    max_leaves=15,
)


@settings(max_examples=300)
@given(rules=st.lists(st.dictionaries(keys, nodes, max_size=6), max_size=4))
def test_rules_of_any_shape_never_raise(rules: list[dict[str, str]]) -> None:
    lines = ["{" + ", ".join(f"{key}: {value}" for key, value in rule.items()) + "}" for rule in rules]
    check("rules:\n" + "".join(f"  - {line}\n" for line in lines))


@settings(max_examples=30)
@given(chosen=st.lists(st.sampled_from(range(len(EXAMPLES))), unique=True, min_size=1))
def test_a_rule_set_made_again_from_its_texts_is_the_same(chosen: list[int]) -> None:
    texts = [EXAMPLES[position].replace("page: data", "page: payments") for position in chosen]
    ruleset, _ = compile_texts(*texts)
    assert ruleset is not None
    files = [(f"{chr(ord('a') + position)}.yaml", text) for position, text in enumerate(texts)]
    restored = ruleset_from_texts(ruleset_texts(files, teams=TEAMS, default_team="platform", scale=SCALE, channels=CHANNELS))
    assert restored == ruleset
