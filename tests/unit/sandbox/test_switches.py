"""The table of switches: printed with each run, held together with its documentation."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from router.sandbox.switches import Switches, changed, load_switches, table

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "sandbox.md"


def test_the_table_is_printed_and_names_every_switch():
    text = table(Switches(processing_delay_ms=5))
    print(text)
    assert all(name in text for name in Switches.__struct_fields__)
    assert re.search(r"^processing_delay_ms +5 +\(default 200\)$", text, re.MULTILINE)


def test_every_switch_is_documented_with_its_default_and_nothing_else_is():
    rows = re.findall(r"^\| `([a-z_0-9]+)` \| `([^`]*)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    documented = {name: json.loads(default) for name, default in rows}
    assert len(rows) == len(documented)
    assert documented == msgspec.to_builtins(Switches())


def test_changes_are_checked():
    assert changed(Switches(), {"too_large_status": 413}).too_large_status == 413
    for wrong in ({"nothing_like_it": 1}, {"too_large_status": 414}, {"processing_delay_ms": -1}):
        with pytest.raises(msgspec.ValidationError):
            changed(Switches(), wrong)


def test_loading_from_json(tmp_path):
    path = tmp_path / "switches.json"
    path.write_text('{"throttle_body": "html"}')
    assert load_switches(path) == Switches(throttle_body="html")
