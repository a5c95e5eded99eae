from __future__ import annotations

import pydantic
import pytest

from router.config.schema import Configuration, PagerDutySection

SMALLEST = {"default_team": "a", "teams": {"a": {"pagerduty": {"routing_key": "env:KEY"}}}}


def test_defaults_are_checked_like_what_a_user_writes() -> None:
    value = Configuration.model_validate(SMALLEST)
    assert value.pagerduty.timeout == 10_000
    assert value.limits.body == 4 * 1024**2
    assert isinstance(value.store, str)


@pytest.mark.parametrize(
    ("url", "allow_http", "is_good"),
    [
        ("https://events.pagerduty.com", False, True),
        ("https://events.pagerduty.com/", False, True),
        ("http://127.0.0.1:9999", False, True),
        ("http://localhost:9999", False, True),
        ("http://[::1]:9999", False, True),
        ("http://sandbox:9999", False, False),
        ("http://sandbox:9999", True, True),
        ("http://127.0.0.1.example.com", False, False),
        ("ftp://127.0.0.1", True, False),
        ("https://", False, False),
        ("https://a:b@c", False, False),
        ("https://a?b=c", False, False),
        ("https://a:99999", False, False),
    ],
)
def test_urls(url: str, *, allow_http: bool, is_good: bool) -> None:
    for field in ("events_url", "api_url"):
        given = {field: url, "allow_http": allow_http}
        if is_good:
            assert getattr(PagerDutySection.model_validate(given), field) == url
        else:
            with pytest.raises(pydantic.ValidationError):
                PagerDutySection.model_validate(given)


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "x" * 65, "a\n", "ä"])
def test_bad_names(name: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        Configuration.model_validate({**SMALLEST, "teams": {name: SMALLEST["teams"]["a"]}})  # type: ignore[index]


def test_durations_are_texts() -> None:
    for value in (5, ["5s"], {"5s": 1}, None):
        with pytest.raises(pydantic.ValidationError):
            Configuration.model_validate({**SMALLEST, "shutdown_timeout": value})


def test_a_key_left_empty_is_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="no value"):
        Configuration.model_validate({**SMALLEST, "tls": None})


def test_every_key_is_described() -> None:
    schema = Configuration.model_json_schema()
    sections = {"Configuration": schema, **schema["$defs"]}
    for name, section in sections.items():
        assert section["description"], name
        for key, prop in section["properties"].items():
            assert "description" in prop or "$ref" in prop or key == "kind", f"{name}.{key}"
