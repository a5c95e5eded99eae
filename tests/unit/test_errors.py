"""Errors say where and what to try; the tree lets a caller catch as much as it means."""

from router import errors
from router.errors import ConfigError, Diagnostic, Overloaded, RouterError, Span, StoreError, StoreFull

SPAN = Span(file="rules/a.yaml", line=3, column=7, end_line=3, end_column=12)


def test_a_diagnostic_reads_like_a_compiler_message() -> None:
    found = Diagnostic(
        code="unknown-key", span=SPAN, path="rules[0].mach", message="there is no key mach", hint='did you mean "match"?'
    )
    assert str(found) == (
        'rules/a.yaml:3:7: error [unknown-key] at rules[0].mach: there is no key mach\n    hint: did you mean "match"?'
    )
    assert str(Diagnostic(code="x", span=SPAN, path="", message="m", level="warning")) == "rules/a.yaml:3:7: warning [x]: m"


def test_a_config_error_names_every_mistake() -> None:
    found = [Diagnostic(code=code, span=SPAN, path="", message=code) for code in ("one", "two")]
    error = ConfigError(found)
    assert error.diagnostics == found
    assert "one" in str(error)
    assert "two" in str(error)


def test_overloaded_says_when_to_come_back() -> None:
    assert Overloaded("full").retry_after_seconds == 1
    assert Overloaded("full", 7).retry_after_seconds == 7


def test_every_error_is_a_router_error_and_stores_have_their_branch() -> None:
    found = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert all(issubclass(error, RouterError) for error in found)
    assert issubclass(StoreFull, StoreError)
    assert not issubclass(Overloaded, StoreError)
