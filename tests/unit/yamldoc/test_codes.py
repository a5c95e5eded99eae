"""The list of codes is complete, and each code says what it means."""

from __future__ import annotations

import re
from pathlib import Path

from router.yamldoc import CODES

ROOM = Path(__file__).parents[3] / "router" / "yamldoc"


def test_codes_are_kebab_case_and_explained():
    for code, explanation in CODES.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code)
        assert explanation.endswith(".")
        assert "\n" not in explanation


def test_every_code_is_emitted_somewhere():
    source = "".join(path.read_text() for path in ROOM.glob("*.py") if path.name != "codes.py")
    assert [code for code in CODES if f'"{code}"' not in source] == []


def test_every_emitted_code_is_listed():
    source = "".join(path.read_text() for path in ROOM.glob("*.py"))
    called = re.findall(r'(?:Trouble|complain|warn|_stop|_complain\w*)\(\s*(?:[\w.*(), \[\]:+-]+,\s*)?"([a-z0-9-]+)"', source)
    assert len(called) > 30
    assert set(called) <= set(CODES)
