"""A configuration loaded: what comes out, and the table of what is refused, with code and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from router.config.loading import examine, load_settings
from router.config.settings import TcpAddress
from router.errors import ConfigError
from router.model.quantity import Rate
from router.model.severity import Severity
from tests.support.config_texts import ENVIRON, KEY, MINIMAL, OTHER_KEY, diagnose, found_in, load

BAD_SETTINGS = {
    # name: (line 3 of an otherwise good configuration, code, column)
    "listen: no port": ("listen: localhost", "bad-address", 9),
    "listen: only a port": ("listen: 9095", "bad-address", 9),
    "listen: colon and port": ("listen: :9095", "bad-address", 9),
    "listen: port too large": ("listen: 127.0.0.1:70000", "bad-address", 9),
    "listen: IPv6 without brackets": ("listen: ::1:9095", "bad-address", 9),
    "listen: URL": ("listen: http://127.0.0.1:9095", "bad-address", 9),
    "listen: path": ("listen: /run/x.sock", "bad-address", 9),
    "listen: unix without path": ("listen: 'unix:'", "bad-address", 9),
    "listen: unix path too long": ("listen: unix:/" + "x" * 110, "bad-address", 9),
    "listen: systemd misspelled": ("listen: sytemd", "bad-address", 9),
    "listen: twice": ("listen: [systemd, systemd]", "listen-twice", 19),
    "listen: empty list": ("listen: []", "invalid-value", 9),
    "listen: open without tokens (warning)": ("listen: 0.0.0.0:9095", "no-tokens", 9),
    "tls: key is missing": ("tls: {cert: /dev/null}", "missing-key", 6),
    "tls: left empty": ("tls:", "empty-value", 1),
    "store: other database": ("store: mysql://x", "bad-store", 8),
    "store: PostgreSQL": ("store: postgresql://x", "not-supported-yet", 8),
    "store: in memory": ("store: 'sqlite::memory:'", "bad-store", 8),
    "store: no path": ("store: {url: 'sqlite:'}", "bad-store", 14),
    "store: age without unit": ("store: {retention: {age: 30}}", "bad-duration", 26),
    "store: age too short": ("store: {retention: {age: 5m}}", "duration-out-of-range", 26),
    "store: size": ("store: {retention: {size: 2G}}", "bad-size", 27),
    "rules: empty": ("rules: []", "invalid-value", 8),
    "severities: unknown severity": ("severities: {fatal: [x]}", "not-a-choice", 14),
    "severities: word is a severity": ("severities: {critical: [error]}", "severity-conflict", 25),
    "severities: word twice": ("severities: {critical: [bad], error: [BAD]}", "severity-conflict", 39),
    "severities: empty word": ('severities: {critical: ["", x]}', "empty-spelling", 25),
    "scores: no number": ("score_severities: {high: error}", "bad-score", 20),
    "scores: too large": ("score_severities: {1.5: error}", "bad-score", 20),
    "scores: nan": ("score_severities: {nan: error}", "bad-score", 20),
    "scores: twice": ("score_severities: {0.5: error, 0.50: warning}", "duplicate-score", 32),
    "scores: unknown severity": ("score_severities: {0.5: eror}", "not-a-choice", 25),
    "default severity": ("default_severity: bad", "not-a-choice", 19),
    "source: unknown kind": ("sources: {x: {kind: graphite}}", "not-a-choice", 21),
    "source: no kind": ("sources: {x: {}}", "missing-key", 14),
    "source: bad name": ("sources: {X Y: {kind: json}}", "bad-name", 11),
    "source: second of its kind": ("sources: {x: {kind: json}, y: {kind: json}}", "source-kind-twice", 28),
    "source: name of another kind": ("sources: {json: {kind: alertmanager}}", "reserved-name", 11),
    "source: no keys": ("sources: {x: {kind: pagerduty}}", "missing-key", 14),
    "source: empty keys": ("sources: {x: {kind: pagerduty, keys: []}}", "invalid-value", 38),
    "source: key of two": (
        "sources: {x: {kind: pagerduty, keys: [env:INBOUND]}, y: {kind: pagerduty, keys: [env:INBOUND]}}",
        "inbound-key-twice",
        82,
    ),
    "source: key is not set": ("sources: {x: {kind: pagerduty, keys: [env:NOWHERE]}}", "secret-missing", 39),
    "source: weak key (warning)": ("sources: {x: {kind: pagerduty, keys: [env:SHORT]}}", "weak-secret", 39),
    "source: setting of another kind": ("sources: {x: {kind: json, keys: [env:INBOUND]}}", "unknown-key", 27),
    "pagerduty: http": ("pagerduty: {events_url: 'http://events.pagerduty.com'}", "insecure-url", 25),
    "pagerduty: path in URL": ("pagerduty: {events_url: 'https://events.pagerduty.com/v2/enqueue'}", "bad-url", 25),
    "pagerduty: no URL": ("pagerduty: {api_url: events.pagerduty.com}", "bad-url", 22),
    "pagerduty: broken URL": ("pagerduty: {api_url: 'https://[x'}", "bad-url", 22),
    "pagerduty: user in URL": ("pagerduty: {api_url: 'https://me:secret@x'}", "bad-url", 22),
    "pagerduty: rate without time": ("pagerduty: {rate: 100}", "bad-rate", 19),
    "pagerduty: rate of nothing": ("pagerduty: {rate: 0/1m}", "bad-rate", 19),
    "pagerduty: timeout too long": ("pagerduty: {timeout: 10m}", "duration-out-of-range", 22),
    "pagerduty: sender is no address": ("pagerduty: {from: me}", "invalid-value", 19),
    "pagerduty: webhooks without token (warning)": (
        "pagerduty: {webhook_secrets: [env:TOKEN]}",
        "webhooks-without-token",
        13,
    ),
    "pagerduty: empty token": ("pagerduty: {api_token: }", "empty-value", 13),
    "tokens: twice": (
        "tokens: [{name: x, token: env:TOKEN, scopes: [read]}, {name: x, token: env:TOKEN, scopes: [read]}]",
        "token-twice",
        62,
    ),
    "tokens: unknown scope": ("tokens: [{name: x, token: env:TOKEN, scopes: [raed]}]", "not-a-choice", 47),
    "tokens: no scope": ("tokens: [{name: x, token: env:TOKEN, scopes: []}]", "invalid-value", 46),
    "tokens: literal (warning)": ("tokens: [{name: x, token: 0123456789abcdef0123, scopes: [read]}]", "literal-secret", 27),
    "limits: no size": ("limits: {body: 4}", "bad-size", 16),
    "limits: bodies": ("limits: {body: 8MiB, bodies: 4MiB}", "bad-limit", 30),
    "limits: batch": ("limits: {batch: 0}", "invalid-value", 17),
    "log: format": ("log: {format: text}", "not-a-choice", 15),
    "shutdown": ("shutdown_timeout: 1h", "duration-out-of-range", 19),
    "reload": ("reload: {watch: yes}", "wrong-type", 17),
    "unknown key": ("team: a", "unknown-key", 1),
    "key twice": ("default_team: a", "duplicate-key", 1),
}

BAD_TEAMS = {
    # name: (the configuration, code, line:column)
    "default team is missing": ("teams: {a: {pagerduty: {routing_key: env:KEY}}}", "missing-key", "1:1"),
    "default team is unknown": ("default_team: b\nteams: {a: {pagerduty: {routing_key: env:KEY}}}", "unknown-team", "1:15"),
    "teams are missing": ("default_team: a", "missing-key", "1:1"),
    "no team": ("default_team: a\nteams: {}", "invalid-value", "2:8"),
    "team without key": ("default_team: a\nteams: {a: {services: [x]}}", "missing-key", "2:12"),
    "team without anything": ("default_team: a\nteams: {a: }", "empty-value", "2:9"),
    "team called owner": ("default_team: owner\nteams: {owner: {pagerduty: {routing_key: env:KEY}}}", "reserved-name", "2:9"),
    "team with capital": ("default_team: A\nteams: {A: {pagerduty: {routing_key: env:KEY}}}", "bad-name", "2:9"),
    "service excluded": (
        'default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, services: ["!x"]}\n',
        "bad-ownership",
        "3:53",
    ),
    "service as regex": (
        "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, services: [/x/]}\n",
        "bad-ownership",
        "3:53",
    ),
    "service empty": (
        'default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, services: [""]}\n',
        "empty-pattern",
        "3:53",
    ),
    "service twice (warning)": (
        "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, services: [x, x]}\n",
        "owned-twice",
        "3:56",
    ),
    "fallback unknown": (
        "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, fallback: b}\n",
        "unknown-team",
        "3:52",
    ),
    "fallback is itself": (
        "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, fallback: a}\n",
        "fallback-self",
        "3:52",
    ),
    "limit without per": (
        "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, limit: {incidents: 5}}\n",
        "missing-key",
        "3:49",
    ),
    "fallbacks in a circle": (
        (
            "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, fallback: b}\n"
            "  b: {pagerduty: {routing_key: env:OTHER}, services: [x-*], fallback: a}\n"
        ),
        "fallback-cycle",
        "3:52",
    ),
    "two owners": (
        (
            "default_team: a\nteams:\n  a: {pagerduty: {routing_key: env:KEY}, services: [x-*]}\n"
            "  b: {pagerduty: {routing_key: env:OTHER}, services: [x-*], fallback: a}\n"
        ),
        "ownership-conflict",
        "4:55",
    ),
    "key is not set": ("default_team: a\nteams: {a: {pagerduty: {routing_key: env:NOWHERE}}}", "secret-missing", "2:38"),
    "key is empty": ("default_team: a\nteams: {a: {pagerduty: {routing_key: env:EMPTY}}}", "secret-empty", "2:38"),
    "key is a REST token": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: env:REST}}}",
        "routing-key-is-token",
        "2:38",
    ),
    "key is too short": ("default_team: a\nteams: {a: {pagerduty: {routing_key: env:SHORT}}}", "routing-key-length", "2:38"),
    "key has other characters": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: env:ODD}}}",
        "routing-key-characters",
        "2:38",
    ),
    "key of an example": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: env:EXAMPLE}}}",
        "routing-key-example",
        "2:38",
    ),
    "key has blanks (warning)": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: env:BLANKS}}}",
        "secret-blanks",
        "2:38",
    ),
    "key in a file that is not there": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: file:nowhere.key}}}",
        "secret-missing",
        "2:38",
    ),
    "key in a directory": ("default_team: a\nteams: {a: {pagerduty: {routing_key: file:/}}}", "secret-unreadable", "2:38"),
    "no credentials": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: credential:pagerduty}}}",
        "secret-missing",
        "2:38",
    ),
    "reference without name": ("default_team: a\nteams: {a: {pagerduty: {routing_key: 'env:'}}}", "bad-reference", "2:38"),
    "reference with a slash": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: credential:a/b}}}",
        "bad-reference",
        "2:38",
    ),
    "reference to no file": ("default_team: a\nteams: {a: {pagerduty: {routing_key: 'file:'}}}", "bad-reference", "2:38"),
    "reference of another kind": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: vault:secret/x}}}",
        "bad-reference",
        "2:38",
    ),
    "reference as in a shell": ("default_team: a\nteams: {a: {pagerduty: {routing_key: $KEY}}}", "bad-reference", "2:38"),
    "literal (warning)": (
        "default_team: a\nteams: {a: {pagerduty: {routing_key: 0f1e2d3c4b5a69788796a5b4c3d2e1f0}}}",
        "literal-secret",
        "2:38",
    ),
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_a_bad_setting_is_refused_with_its_place(name: str) -> None:
    text, code, column = BAD_SETTINGS[name]
    (found,) = diagnose(MINIMAL + text)
    assert (found.code, found.span.line, found.span.column) == (code, 3, column)
    assert found.level == ("warning" if "(warning)" in name else "error")


@pytest.mark.parametrize("name", BAD_TEAMS)
def test_a_bad_team_is_refused_with_its_place(name: str) -> None:
    text, code, place = BAD_TEAMS[name]
    (found,) = diagnose(text)
    assert (found.code, f"{found.span.line}:{found.span.column}") == (code, place)
    assert found.level == ("warning" if "(warning)" in name else "error")


def test_the_smallest_configuration_has_the_documented_defaults() -> None:
    settings = load(MINIMAL)
    assert settings.listen == (TcpAddress(host="127.0.0.1", port=9095),)
    assert settings.store.path == Path("/etc/router/data/alert-router.db")
    assert (settings.store.retention_age_ms, settings.store.retention_size_bytes) == (30 * 86_400_000, 2 * 1024**3)
    assert settings.rules == (Path("/etc/router/rules"),)
    assert settings.pagerduty.events_url == "https://events.pagerduty.com"
    assert settings.pagerduty.rate == Rate(calls=100, per_ms=60_000)
    assert (settings.limits.body_bytes, settings.limits.bodies_bytes) == (4 * 1024**2, 64 * 1024**2)
    assert settings.shutdown_timeout_ms == 20_000
    assert settings.watch
    assert settings.tokens == ()
    assert settings.warnings == ()
    assert sorted(settings.sources) == ["alertmanager", "json"]
    assert settings.scale.default is Severity.ERROR


def test_a_complete_configuration(tmp_path: Path) -> None:
    for name in ("tls.crt", "tls.key", "ca.crt"):
        (tmp_path / name).write_text("pem")
    text = """\
listen: ["0.0.0.0:9095", "unix:run/http.sock", systemd]
tls: {cert: tls.crt, key: tls.key, client_ca: ca.crt}
store: {url: "sqlite:/var/lib/x.db", retention: {age: 7d, size: 1GiB}, min_free: 1MiB}
rules: [one.yaml, /etc/two]
default_team: b
teams:
  a: {services: x-*, pagerduty: {routing_key: env:KEY}, limit: {incidents: 20, per: 10m}, fallback: b}
  b: {services: ["*"], pagerduty: {routing_key: env:OTHER}}
severities: {critical: SEV1}
score_severities: {0.9: critical, 0.5: error}
default_severity: warning
sources:
  prom: {kind: alertmanager, service_label: job, resolve_timeout: 10m, resend_grace: 0s}
  tools: {kind: pagerduty, keys: [env:INBOUND]}
pagerduty: {events_url: "http://127.0.0.1:9999/", rate: unlimited, retry_for: 1h, timeout: 3s}
tokens: [{name: ci, token: env:TOKEN, scopes: [read, ingest]}]
limits: {body: 1MiB, bodies: 3MiB, batch: 5, connections: 6, header_timeout: 1s, body_timeout: 2s, pending: 7}
log: {format: json, level: debug}
shutdown_timeout: 5s
reload: {watch: false}
"""
    settings = load(text, base=tmp_path)
    assert [str(address) for address in settings.listen] == ["0.0.0.0:9095", f"unix:{tmp_path}/run/http.sock", "systemd"]
    assert settings.tls is not None
    assert settings.tls.client_ca == tmp_path / "ca.crt"
    assert settings.store.path == Path("/var/lib/x.db")
    assert settings.rules == (tmp_path / "one.yaml", Path("/etc/two"))
    assert [str(pattern) for pattern in settings.teams["a"].services] == ["x-*"]
    assert (settings.teams["a"].fallback, settings.teams["a"].routing_key) == ("b", "env:KEY")
    assert settings.scale.of_word("sev1") is Severity.CRITICAL
    assert settings.scale.scores == ((0.5, Severity.ERROR), (0.9, Severity.CRITICAL))
    assert settings.sources["prom"].service_labels == ("job",)
    assert settings.sources["tools"].keys == ("env:INBOUND",)
    assert sorted(settings.sources) == ["json", "prom", "tools"]
    assert (settings.pagerduty.events_url, settings.pagerduty.rate) == ("http://127.0.0.1:9999", None)
    assert settings.tokens[0].scopes == {"read", "ingest"}
    assert (settings.limits.bodies_bytes, settings.limits.batch_alerts, settings.limits.max_pending) == (3 * 1024**2, 5, 7)
    assert settings.secrets.resolve("env:TOKEN").reveal() == ENVIRON["TOKEN"]
    assert str(settings.spans["teams.b"]) == "config.yaml:8:3"


def test_one_mistake_neither_hides_the_others_nor_begets_false_ones() -> None:
    text = """\
listen: nowhere
default_team: payment
teams:
  payments: {services: [5, "!x"], pagerduty: {routing_key: env:NOWHERE}, fallback: b, limit: 5}
  b: {pagerduty: {routing_key: env:NOWHERE}, fallback: payments}
sources: {x: {kind: nope}}
limits: {body: 5}
colour: red
"""
    assert found_in(text) == [
        ("bad-address", "1:9"),
        ("unknown-team", "2:15"),
        ("bad-ownership", "4:28"),
        ("secret-missing", "4:60"),
        ("fallback-cycle", "4:84"),
        ("wrong-type", "4:94"),
        ("secret-missing", "5:32"),
        ("not-a-choice", "6:21"),
        ("bad-size", "7:16"),
        ("unknown-key", "8:1"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{servics: [x]}}", [("missing-key", "2:12"), ("unknown-key", "2:13")]),
        ("{pagerduty: 5, fallback: b}}", [("wrong-type", "2:24"), ("unknown-team", "2:37")]),
        ("{pagerduty: {routing_key: env:NO, x: 1}, limit: 3}}", [("unknown-key", "2:46"), ("wrong-type", "2:60")]),
        (
            "{pagerduty: {routing_key: env:NO}}}\npagerduty: {rate: x, api_token: env:NO}",
            [("secret-missing", "2:38"), ("bad-rate", "3:19"), ("secret-missing", "3:33")],
        ),
    ],
)
def test_what_is_right_in_a_broken_part_is_looked_at_all_the_same(text: str, expected: list[tuple[str, str]]) -> None:
    assert found_in("default_team: a\nteams: {a: " + text) == expected


@pytest.mark.parametrize(
    "text", ["", "[]", "5", "a: [", "teams: 5", "default_team: 5", b"\xff\xfe\x00", "&a b", "teams: {a: 5}"]
)
def test_what_is_no_configuration_at_all(text: str | bytes) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(text, "config.yaml", base=Path("/"), environ={})
    assert caught.value.diagnostics


def test_a_configuration_without_teams_says_that_it_does_not_know_them() -> None:
    def knows(text: str) -> bool:
        return examine(text, "config.yaml", base=Path("/"), environ=ENVIRON).knows_teams

    assert knows(MINIMAL)
    assert knows(MINIMAL + "colour: red")
    assert not knows("default_team: a")
    assert not knows("default_team: a\nteams: []")


def test_warnings_are_kept_with_the_settings() -> None:
    settings = load(MINIMAL.replace("env:KEY", OTHER_KEY))
    assert [each.code for each in settings.warnings] == ["literal-secret"]
    assert settings.teams["a"].routing_key == "config:teams.a.pagerduty.routing_key"
    assert settings.secrets.resolve(settings.teams["a"].routing_key).reveal() == OTHER_KEY


def test_no_secret_is_in_what_is_shown() -> None:
    secret = "S3cr3t" * 5 + "xy"
    texts = [
        MINIMAL.replace("env:KEY", secret),
        MINIMAL.replace("env:KEY", secret + "zz"),
        MINIMAL.replace("env:KEY", f"[{secret}]"),
        MINIMAL.replace("env:KEY", f"{{a: {secret}}}"),
        MINIMAL.replace("routing_key: env:KEY", f"routing_kye: {secret}"),
        MINIMAL + f"tokens: [{{name: x, token: {secret}, scopes: [read]}}]",
        MINIMAL + f"tokens: [{{name: x, token: [{secret}], scopes: [raed]}}]",
        MINIMAL + f"sources: {{x: {{kind: pagerduty, keys: [{secret}, {secret}]}}}}",
        MINIMAL + f"sources: {{x: {{kind: pagerduty, keys: {secret}}}}}",
    ]
    for text in texts:
        examined = examine(text, "config.yaml", base=Path("/"), environ={"KEY": KEY})
        assert examined.diagnostics
        assert secret not in "\n".join(map(str, examined.diagnostics)), text
        assert secret not in repr(examined.settings), text


def test_without_reading_secrets_only_their_form_is_checked() -> None:
    def codes(text: str) -> list[str]:
        examined = examine(text, "config.yaml", base=Path("/"), environ={}, read_secrets=False)
        return [each.code for each in examined.diagnostics]

    assert codes(MINIMAL) == []
    assert codes(MINIMAL + "tls: {cert: nowhere, key: nowhere}") == []
    assert codes(MINIMAL.replace("env:KEY", "'env:'")) == ["bad-reference"]


def test_certificates_have_to_be_there_and_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tls.crt").write_text("pem")
    text = MINIMAL + "tls: {cert: tls.crt, key: tls.crt}"
    assert diagnose(text, base=tmp_path) == []
    # the test may run as root, who can read every file
    monkeypatch.setattr("router.config.loading.os.access", lambda *_: False)
    assert [each.code for each in diagnose(text, base=tmp_path)] == ["unreadable-file", "unreadable-file"]


def test_a_sandbox_on_this_machine_takes_the_key_of_an_example() -> None:
    environ = {"KEY": "d" * 32}
    assert [each.code for each in diagnose(MINIMAL, environ=environ)] == ["routing-key-example"]
    assert diagnose(MINIMAL + "pagerduty: {events_url: 'http://127.0.0.1:8080'}", environ=environ) == []
    elsewhere = MINIMAL + "pagerduty: {events_url: 'https://sandbox.example.com'}"
    assert [each.code for each in diagnose(elsewhere, environ=environ)] == ["routing-key-example"]
    short = diagnose(MINIMAL + "pagerduty: {events_url: 'http://127.0.0.1:8080'}", environ={"KEY": "abc"})
    assert [each.code for each in short] == ["routing-key-length"]


def test_literals_of_the_configuration_before_can_still_be_resolved() -> None:
    first = load(MINIMAL.replace("env:KEY", OTHER_KEY))
    second = load_settings(MINIMAL, "config.yaml", base=Path("/"), environ=ENVIRON, previous=first.secrets)
    assert second.secrets.resolve("config:teams.a.pagerduty.routing_key").reveal() == OTHER_KEY


def test_who_may_write_which_rule_files() -> None:
    settings = load(MINIMAL + 'guard_files: rules/00-guards.yaml\nrule_owners: {"rules/a*.yaml": a, "rules/b.yaml": "*"}\n')
    assert settings.rights.guards == ("rules/00-guards.yaml",)
    assert settings.rights.owners == (("rules/a*.yaml", "a"), ("rules/b.yaml", "*"))
    assert found_in(MINIMAL + 'rule_owners: {"rules/b.yaml": b}\n') == [("unknown-team", "3:31")]
