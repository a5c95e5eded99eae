from __future__ import annotations

from router.importing.names import Names


def test_names_are_fit_and_each_stands_once() -> None:
    names = Names()
    wanted = ["team-X_mails", "Team-X_mails", "Ünï & co", "default", "owner", "", "x" * 80, "x" * 80, "-a-"]
    assert [names.take(each) for each in wanted] == [
        *("team-x_mails", "team-x_mails-2", "n-co", "default-one", "owner-one", "unnamed"),
        *("x" * 56, f"{'x' * 56}-2", "a"),
    ]
