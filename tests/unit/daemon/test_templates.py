"""Templates of channels' bodies: the rules' engine, with a few fields more."""

from __future__ import annotations

from router.daemon.templates import MORE_FIELDS, check_body, compile_body


def test_a_body_may_speak_of_what_only_channels_know() -> None:
    for field in MORE_FIELDS:
        assert check_body(f"{{{{ {field} }}}}") == []
        assert compile_body(f"{{{{ {field} }}}}").render({field: "x"}) == "x"


def test_mistakes_and_doubts_are_told_apart() -> None:
    (mistake,) = check_body("{{ summary")
    assert (mistake.code, mistake.is_warning) == ("bad-template", False)
    (doubt,) = check_body("{{ nothing }}")
    assert (doubt.code, doubt.is_warning) == ("template-unknown-field", True)
    (refused,) = check_body("{{ summary.upper() }}")
    assert "upper" in refused.hint
