"""The environment's proxy is used only where it is configured and where it applies."""

import pytest

from router.pagerduty.proxy import choose_poster
from router.pagerduty.transport import HttpxPoster, Transport

URL = "https://events.pagerduty.com"


@pytest.fixture(autouse=True)
def _environment(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_without_the_setting_the_environment_does_not_count(monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert isinstance(choose_poster(URL, use_environment_proxy=False), Transport)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "ALL_PROXY"])
def test_with_it_the_proxy_is_used(monkeypatch, name) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:3128")
    assert isinstance(choose_poster(URL, use_environment_proxy=True), HttpxPoster)


def test_no_proxy_is_honoured(monkeypatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    monkeypatch.setenv("NO_PROXY", "events.pagerduty.com")
    assert isinstance(choose_poster(URL, use_environment_proxy=True), Transport)


def test_without_a_proxy_in_the_environment_it_goes_straight() -> None:
    assert isinstance(choose_poster(URL, use_environment_proxy=True), Transport)
