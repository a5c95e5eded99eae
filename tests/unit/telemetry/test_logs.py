"""Logs: JSON for machines, and no secret gets through, whoever writes it."""

import io
import logging

import msgspec
import pytest
import structlog

from router.telemetry.logs import Redactor, logger, set_up

SECRET = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def _restore():
    yield
    structlog.reset_defaults()
    logging.basicConfig(force=True)


def test_lines_are_json_with_room_level_and_time() -> None:
    stream = io.StringIO()
    set_up(log_format="json", stream=stream)
    logger("dispatch").info("delivery_failed", team="payments", attempts=3)
    line = msgspec.json.decode(stream.getvalue())
    assert (line["room"], line["level"], line["event"], line["team"], line["attempts"]) == (
        "dispatch", "info", "delivery_failed", "payments", 3,
    )  # fmt: skip
    assert line["at"].endswith("Z")


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    set_up(log_format="json", level="warning", stream=stream)
    logger("dispatch").info("delivery_failed")
    assert not stream.getvalue()


def test_console_output_is_text() -> None:
    stream = io.StringIO()
    set_up(log_format="console", stream=stream)
    logger("daemon").warning("reload_failed", cause="a file")
    assert "reload_failed" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_known_secrets_show_nowhere() -> None:
    stream = io.StringIO()
    redactor = set_up(log_format="json", stream=stream)
    redactor.learn([SECRET, "abc"])
    log = logger("dispatch")
    log.error(
        "refused", cause=f"key {SECRET} is wrong", keys=[SECRET], nested={"a": {SECRET: (SECRET,)}}, value=Exception(SECRET)
    )
    try:
        raise ValueError(SECRET)
    except ValueError:
        log.exception("broken")
    logging.getLogger("httpx").warning("POST %s", f"https://hooks/{SECRET}")
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("other").exception("broken")
    assert SECRET not in stream.getvalue()
    assert stream.getvalue().count("***") >= 6


def test_short_texts_are_not_taken_for_secrets() -> None:
    redactor = Redactor()
    redactor.learn(["abc", "longer secret", "longer secret and more"])
    assert redactor.clean("abc longer secret and more") == "abc ***"


def test_a_logger_made_before_the_set_up_obeys_it_all_the_same() -> None:
    """Every module makes its logger when it is imported, long before the configuration is read."""
    early = logger("dispatch")
    stream = io.StringIO()
    set_up(log_format="json", level="warning", stream=stream).learn([SECRET])
    early.info("delivery_failed")
    early.warning("delivery_failed", cause=SECRET)
    (line,) = stream.getvalue().splitlines()
    assert msgspec.json.decode(line)["cause"] == "***"
    assert msgspec.json.decode(line)["room"] == "dispatch"


@pytest.mark.parametrize(
    "text", ["\x1b]0;gone\x07\x9b2J\u202e fine\r\nforged line", "fine\x1b[31m", "fine\x9b2J", "fine\u202e"]
)
def test_on_a_terminal_nothing_that_others_wrote_drives_it(text: str) -> None:
    stream = io.StringIO()
    set_up(log_format="console", stream=stream)
    logger("daemon").warning("trouble_raised", summary=text, mistakes=[text], counts={text: (text,)})
    written = stream.getvalue()
    assert len(written.splitlines()) == 1
    assert written.rstrip("\n").isprintable()
    assert written.count("fine") == 4


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_what_libraries_quote_of_others_forges_no_line_and_drives_no_terminal(log_format: str) -> None:
    stream = io.StringIO()
    set_up(log_format=log_format, stream=stream)
    logging.getLogger("library").warning("answered %s", 'no\r\n{"level":"info","event":"forged"}\x1b[31m')
    assert len(stream.getvalue().splitlines()) == 1
    for log in (logging.getLogger("library"), logger("daemon")):
        try:
            raise ValueError("no\x1b[31m\x07")
        except ValueError:
            log.exception("failed")
    assert all(line.isprintable() for line in stream.getvalue().split("\n"))
    assert "Traceback" in stream.getvalue()
