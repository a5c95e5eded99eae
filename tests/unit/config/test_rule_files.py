from __future__ import annotations

import os
from pathlib import Path

import pytest

from router.config import rule_files
from router.config.rule_files import read_rule_files, shown_name
from router.errors import Span

PLACE = Span(file="config.yaml", line=4, column=8, end_line=4, end_column=16)


def fill(directory: Path, *names: str) -> None:
    for name in names:
        (directory / name).write_text(f"# {name}")


def names_in(*paths: Path) -> list[str]:
    return [Path(name).name for name, _ in read_rule_files(paths, named_at=PLACE).files]


def codes_of(*paths: Path) -> list[tuple[str, str]]:
    return [(each.code, each.level) for each in read_rule_files(paths, named_at=PLACE).diagnostics]


def test_a_directory_gives_its_rule_files_in_sorted_order(tmp_path: Path) -> None:
    fill(tmp_path, "b.yaml", "a.yaml", "10-z.yaml", "a.test.yaml", ".hidden.yaml", "README.md")
    (tmp_path / "directory.yaml").mkdir()
    assert names_in(tmp_path) == ["10-z.yaml", "a.yaml", "b.yaml"]
    assert codes_of(tmp_path) == []


def test_a_file_named_twice_is_read_once_where_it_is_named_first(tmp_path: Path) -> None:
    fill(tmp_path, "a.yaml", "b.yaml")
    (tmp_path / "c.yaml").symlink_to(tmp_path / "a.yaml")
    assert names_in(tmp_path / "b.yaml", tmp_path) == ["b.yaml", "a.yaml"]


def test_kubernetes_links_are_followed_and_its_own_directories_are_not_read(tmp_path: Path) -> None:
    data = tmp_path / "..2026_11_21"
    data.mkdir()
    fill(data, "a.yaml")
    (tmp_path / "..data").symlink_to(data)
    (tmp_path / "a.yaml").symlink_to(tmp_path / "..data" / "a.yaml")
    assert names_in(tmp_path) == ["a.yaml"]


def test_what_is_not_there_is_reported_where_it_was_named(tmp_path: Path) -> None:
    found = read_rule_files([tmp_path / "gone", tmp_path / "*.yaml"], named_at=PLACE)
    assert [each.code for each in found.diagnostics] == ["missing-file", "missing-file"]
    assert found.diagnostics[0].span == PLACE
    assert "name the directory" in found.diagnostics[1].hint


def test_no_rules_at_all_and_names_that_are_nearly_right_earn_warnings(tmp_path: Path) -> None:
    assert codes_of(tmp_path) == [("no-rules", "warning")]
    fill(tmp_path, "a.yml")
    assert codes_of(tmp_path) == [("ignored-file", "warning"), ("no-rules", "warning")]


def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.yaml", "b.yaml")
    real_open = os.open

    def refuse(path: Path, flags: int) -> int:
        if Path(path).name == "a.yaml":
            raise PermissionError(13, "Permission denied")
        return real_open(path, flags)

    # the test may run as root, for whom every file can be read
    monkeypatch.setattr(os, "open", refuse)
    assert codes_of(tmp_path) == [("unreadable-file", "error")]
    assert names_in(tmp_path) == ["b.yaml"]


def test_a_link_that_leads_to_nothing_does_not_take_its_rules_away_in_silence(tmp_path: Path) -> None:
    fill(tmp_path, "a.yaml")
    (tmp_path / "b.yaml").symlink_to(tmp_path / "gone")
    (tmp_path / ".#a.yaml").symlink_to("somebody@somewhere.1234")  # an editor's lock, nobody's rules
    os.mkfifo(tmp_path / "c.yaml")
    found = read_rule_files([tmp_path], named_at=PLACE).diagnostics
    assert [(each.code, each.level) for each in found] == [("unreadable-file", "error")] * 2
    assert [each.message.partition(".yaml ")[2] for each in found] == ["is a link that leads to nothing", "is no regular file"]


def test_a_link_into_what_cannot_be_looked_at_is_reported(tmp_path: Path) -> None:
    fill(tmp_path, "b.yaml")
    (tmp_path / "a.yaml").symlink_to("a" * 300)  # as a folder we may not enter, which the tests may: they may run as root
    found = read_rule_files([tmp_path], named_at=PLACE)
    assert [each.code for each in found.diagnostics] == ["unreadable-file"]
    assert "cannot be read: File name too long" in found.diagnostics[0].message
    assert [Path(name).name for name, _ in found.files] == ["b.yaml"]


def test_a_named_file_that_may_not_be_looked_at_is_reported(tmp_path: Path) -> None:
    found = read_rule_files([tmp_path / ("a" * 300)], named_at=PLACE).diagnostics
    assert [each.code for each in found] == ["unreadable-file"]
    assert "File name too long" in found[0].message


def test_a_directory_that_cannot_be_listed_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> object:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert codes_of(tmp_path) == [("unreadable-file", "error")]


def test_a_link_out_of_the_directory_is_refused_and_a_link_to_it_is_not(tmp_path: Path) -> None:
    rules = tmp_path / "checkout"
    rules.mkdir()
    fill(rules, "a.yaml")
    (tmp_path / "secret").write_text("r0uting-k3y")
    (rules / "b.yaml").symlink_to(tmp_path / "secret")
    found = read_rule_files([rules], named_at=PLACE)
    assert [each.code for each in found.diagnostics] == ["linked-outside"]
    assert len(found.files) == 1
    (rules / "b.yaml").unlink()
    (tmp_path / "rules").symlink_to(rules)
    assert names_in(tmp_path / "rules") == ["a.yaml"]


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    fill(tmp_path, "a.yaml")
    os.mkfifo(tmp_path / "b.yaml")
    (tmp_path / "c.yaml").symlink_to("/dev/zero")
    assert names_in(tmp_path) == ["a.yaml"]
    assert codes_of(tmp_path / "b.yaml") == [("missing-file", "error")]


def test_the_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, "a.yaml", "b.yaml", "c.yaml")
    monkeypatch.setattr(rule_files, "MAX_FILES", 2)
    monkeypatch.setattr(rule_files, "MAX_FILE_BYTES", 3)
    found = read_rule_files([tmp_path], named_at=PLACE)
    assert [len(text) for _, text in found.files] == [4, 4]
    assert [each.code for each in found.diagnostics] == ["too-many-files"]


def test_names_are_as_seen_from_a_directory(tmp_path: Path) -> None:
    fill(tmp_path, "a.yaml")
    assert [name for name, _ in read_rule_files([tmp_path], named_at=PLACE, seen_from=tmp_path).files] == ["a.yaml"]


def test_names_are_as_seen_from_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_name(tmp_path / "rules" / "a.yaml") == "rules/a.yaml"
    assert shown_name(Path("/elsewhere/a.yaml")) == "/elsewhere/a.yaml"
