from __future__ import annotations

from pathlib import Path

import pytest

from router.cli.reading import load, open_store
from tests.support.place import Place


def test_settings_are_read_without_the_secrets_they_name(tmp_path: Path) -> None:
    assert set(load(Place(tmp_path).config).teams) == {"payments", "platform"}


def test_no_configuration_says_how_to_name_one(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        load(tmp_path / "nowhere.yaml")
    told = capsys.readouterr().err
    assert "nowhere.yaml cannot be read" in told
    assert "--config FILE" in told


def test_mistakes_are_all_told_with_their_places(tmp_path: Path, capsys) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("default_team: a\nteams: {}\nlisten: 5\n")
    with pytest.raises(SystemExit):
        load(config)
    told = capsys.readouterr().err
    assert f"{config}:2:8" in told
    assert f"{config}:3:9" in told
    assert "alert-router check" in told


def test_the_store_is_read_only(history: Place) -> None:
    before = (history.folder / "data/alert-router.db").read_bytes()
    with open_store(history.config) as reader:
        assert reader.incident(1) is not None
    assert (history.folder / "data/alert-router.db").read_bytes() == before


def test_a_store_that_is_not_there_yet(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit), open_store(Place(tmp_path).config):
        raise AssertionError("nothing to read")
    assert "has the router run with this `store:` yet?" in capsys.readouterr().err


def test_damage_that_is_met_only_when_it_is_read(history: Place) -> None:
    path = history.folder / "data/alert-router.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xde\xad" * ((len(whole) - 4096) // 2))
    result = history.run("incidents")
    assert result.exit_code == 1
    assert "alert-router.db" in result.output
    assert "damaged" in result.output
