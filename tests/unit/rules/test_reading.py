from __future__ import annotations

from router.rules.reading import MAX_BROKEN, read_file


def test_a_good_file() -> None:
    found = read_file("a.yaml", "version: 1\nrules: [{id: a}]")
    assert found.value is not None
    assert [rule.id for rule in found.value.rules] == ["a"]
    assert (found.broken, found.diagnostics) == (frozenset(), [])


def test_a_broken_rule_is_cut_down_to_what_is_valid_of_it() -> None:
    text = "rules: [{id: a}, {id: b, page: x, resolve: nevr, match: {service: s, severity: {}}, foo: 1}, 5, {id: B}]"
    found = read_file("a.yaml", text)
    assert found.value is not None
    assert found.broken == {1, 2, 3}
    kept = found.value.rules[1]
    assert (kept.id, kept.page, kept.resolve, kept.match.service) == ("b", "x", "all_resolved", "s")
    assert [rule.id for rule in found.value.rules] == ["a", "b", "stand-in", "stand-in"]


def test_defaults_are_kept_if_they_are_valid() -> None:
    good = read_file("a.yaml", "defaults: {page: x}\nrules: [5]").value
    bad = read_file("a.yaml", "defaults: {page: x, foo: 1}\nrules: [5]").value
    assert good is not None
    assert bad is not None
    assert (good.defaults.page, bad.defaults.page) == ("x", "owner")


def test_nothing_usable() -> None:
    for text in ("", "rules: 5", "- a", "a: [", b"\xff\xfe"):
        found = read_file("a.yaml", text)
        assert found.value is None
        assert found.diagnostics


def test_a_later_version_of_the_language_earns_one_diagnostic() -> None:
    found = read_file("a.yaml", "version: 7\nthings: {}\nrules: 5")
    (diagnostic,) = found.diagnostics
    assert (diagnostic.code, str(diagnostic.span)) == ("unknown-grammar-version", "a.yaml:1:10")
    assert "upgrade" in diagnostic.hint


def test_of_a_file_with_more_mistakes_than_are_told_nothing_is_looked_at_further() -> None:
    """Each broken rule costs as much as a hundred good ones; somebody's file of them must not cost a reload half a minute."""
    few, many = (read_file("a.yaml", f"rules: [{{id: a}}, {'{}, ' * count}]") for count in (MAX_BROKEN, MAX_BROKEN + 1))
    assert few.value is not None
    assert len(few.broken) == MAX_BROKEN
    assert (many.value, many.broken) == (None, frozenset())
    assert many.diagnostics
