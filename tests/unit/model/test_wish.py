"""What can be wished, and what keeps a wish from being done."""

from __future__ import annotations

import pytest

from router.model.wish import MAX_MESSAGE, MAX_RESPONDERS, Verb, Wish, mistake_of, without_addresses


@pytest.mark.parametrize(
    ("verb", "wish"),
    [
        ("acknowledge", Wish()),
        ("resolve", Wish()),
        ("note", Wish(note="x")),
        ("reassign", Wish(user="ada@example.test")),
        ("escalate", Wish(level=2)),
        ("escalate", Wish(policy="Database")),
        ("snooze", Wish(seconds=604_800)),
        ("responders", Wish(policies=("Database",), message="help", link="https://wiki/db")),
        ("status", Wish(message="it works again")),
        ("priority", Wish(priority="P1")),
    ],
)
def test_what_can_be_done(verb: Verb, wish: Wish) -> None:
    assert mistake_of(verb, wish) == ""


@pytest.mark.parametrize(
    ("verb", "wish", "words"),
    [
        ("note", Wish(note=" "), "needs a text"),
        ("resolve", Wish(note="x" * 65_536), "65535 bytes"),
        ("escalate", Wish(level=1, policy="P"), "either"),
        ("escalate", Wish(level=-1), "either"),
        ("responders", Wish(users=("a",) * (MAX_RESPONDERS + 1), message="x"), "1 to 25"),
        ("responders", Wish(users=("a",), message="x", link="ftp://x"), "https://"),
        ("status", Wish(message="x" * (MAX_MESSAGE + 1)), "2000 characters"),
    ],
)
def test_what_cannot(verb: Verb, wish: Wish, words: str) -> None:
    assert words in mistake_of(verb, wish)


def test_the_record_holds_no_address() -> None:
    wish = Wish(user="ada@example.test", users=("ada@example.test", "grace@example.test"), message="help")
    assert wish.words == "2 people, help"


def test_an_order_is_shown_without_addresses() -> None:
    body = b'{"verb":"responders","wish":{"users":["ada@example.test","PABC123"],"message":"help"}}'
    assert (
        without_addresses(body) == b'{"verb":"responders","wish":{"users":["(an email address)","PABC123"],"message":"help"}}'
    )
