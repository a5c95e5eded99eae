"""What hostile people may try at each door: the lines of docs/explanation/threat-model.md that no other test proves."""

from __future__ import annotations

import contextlib
import hmac
import io
import itertools
import os
import ssl
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.api.auth import Authenticator, Peer, Token
from router.api.exchange import Refused
from router.api.tls import TlsFiles, load_tls
from router.cli.demo import _prepare
from router.model.pattern import Pattern
from router.model.ruleset import TemplateFailed
from router.rules.fields import SAMPLE
from router.rules.filters import OUTPUT_CAP
from router.rules.template import TemplateRefused, compile_template
from router.telemetry.logs import logger, set_up
from router.yamldoc import read
from tests.support.certificates import Authority
from tests.support.doors import Rig, body, parse, port_of, posted, request, serving, talk
from tests.support.rule_texts import compile_texts

ROOT = Path(__file__).resolve().parents[2]
SOON = 1.0
"""Seconds; all of it takes milliseconds, and what runs away takes minutes."""

HOSTILE = [
    "{{ 7 * 7 }}", "{% for x in range(10**9) %}x{% endfor %}", "{{ ''.__class__.__mro__ }}",
    "%(x)s %s %n {0} {service.__class__}",
    "${jndi:ldap://x/a}", "{{ service }}", "{# x", "\x1b]0;x\x07", "<script>alert(1)</script>", "\r\nX-Injected: 1\r\n\r\n",
]  # fmt: skip


# -- the author of an alert ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize(
    "template", ["{{ service }}", "{{ labels.env }}", "{{ service|default('') }}", "{{ labels.env|default('') }}"]
)
def test_text_of_an_alert_is_never_a_template(text: str, template: str) -> None:
    shown = compile_template(template)[0].render(SAMPLE | {"service": text, "labels": {"env": text}})
    assert shown == text


@pytest.mark.parametrize(
    "written", ["/(a+)+$/", "/(a|a)*b/", "/^(([a-z])+.)+[A-Z]([a-z])+$/", "*a*a*a*a*a*a*a*a*a*b", "?*?*?*?*?*?*b"]
)
def test_no_pattern_backtracks_on_any_text(written: str) -> None:
    pattern = Pattern.parse(written)
    began = time.perf_counter()
    for text in ("a" * 8_000, "a" * 8_000 + "!", "ab" * 4_000):
        pattern.matches(text)
    assert time.perf_counter() - began < SOON


def test_an_alert_writes_one_line_of_log_whatever_it_holds() -> None:
    for log_format in ("json", "console"):
        stream = io.StringIO()
        set_up(log_format=log_format, stream=stream)
        for text in HOSTILE:
            logger("daemon").warning("delivery_failed", cause=text, subject=text)
        lines = stream.getvalue().split("\n")
        assert len(lines) == len(HOSTILE) + 1
        assert all(line.isprintable() for line in lines)


async def test_no_text_reaches_a_header_of_an_answer() -> None:
    rig = Rig()
    async with serving(rig) as server:
        for path in (
            "/x%0d%0aSet-Cookie:%20a=b",
            "/v1/incidents/%0d%0aSet-Cookie:%20a",
            "/v1/alerts?cursor=%0d%0aSet-Cookie:a",
        ):
            _, headers, _ = parse(await talk(port_of(server), request("GET", path)))
            assert "set-cookie" not in headers


# -- the author of a rule ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ service.__init__.__globals__ }}", "{{ service.format(service) }}",
        "{{ loop.__class__ }}", "{{ lipsum.__globals__['os'] }}", "{{ service|attr('__class__') }}",
        "{% include '/etc/passwd' %}", "{% import 'os' as os %}", "{% from 'os' import system %}", "{% extends '/etc/passwd' %}",
        "{% set x = 1 %}", "{% macro f() %}{% endmacro %}", "{% block b %}{% endblock %}", "{% filter upper %}{% endfilter %}",
        "{{ service() }}", "{{ range(10**9) }}", "{{ 'a'.center(10**9) }}", "{{ ('a' * 10**9) }}", "{{ 10**9**9 }}",
        "{{ labels|map('upper') }}", "{{ service is callable }}",
        "{% for a in labels|items %}{% for b in labels|items %}x{% endfor %}{% endfor %}",
        "{% for a in labels recursive %}{{ loop(a) }}{% endfor %}", "x" * 4_097, "{{ 1 }}" * 600,
    ],
)  # fmt: skip
def test_a_template_with_code_or_without_end_is_refused_when_it_is_loaded(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TemplateRefused):
        compile_template(text)
    assert time.perf_counter() - began < SOON


@pytest.mark.parametrize(
    "text",
    [
        "{{ self }}", "{{ cycler }}", "{{ namespace }}", "{{ labels.__class__ }}", "{{ labels['__class__'] }}", "{{ service['__class__'] }}",
        "{{ service.upper }}", "{{ details.x.y.z }}", "{{ config }}", "{{ request }}", "{{ (service ~ labels)['__class__'] }}",
        "{% for a in labels %}{{ loop.cycle }}{{ loop.index0.real }}{% endfor %}",
    ],
)  # fmt: skip
def test_a_template_reaches_nothing_but_the_alert(text: str) -> None:
    shown = ""
    with contextlib.suppress(TemplateRefused, TemplateFailed):  # anything else is a failure of ours
        shown = compile_template(text)[0].render(SAMPLE)
    assert not any(word in shown for word in ("class", "object", "os", "root:", "built-in", "method", "0x")), shown


@pytest.mark.parametrize(
    "text", ["{{ service * 1000000 }}", "{{ 999999999999999 * 999999999999999 }}", "{{ (count + 1) ~ details ~ labels }}" * 40]
)
def test_a_template_that_grows_is_cut_or_fails(text: str) -> None:
    long = SAMPLE | {"service": "a" * 8_000, "details": {"x": "y" * 8_000}, "count": 10**15}
    template = compile_template(text)[0]
    began = time.perf_counter()
    with contextlib.suppress(TemplateFailed):
        assert len(template.render(long)) <= OUTPUT_CAP
    assert time.perf_counter() - began < SOON


BOMBS = {
    "laughs": "a: &a [x,x,x,x,x,x,x,x,x]\n"
    + "".join(f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in itertools.pairwise("abcdefghi")),
    "deep": "rules: " + "[" * 100_000,
    "merge": "a: &a {x: 1}\nb: {<<: *a}\n",
    "objects": "rules: [!!python/object/apply:os.system ['touch /tmp/owned']]\n",
    "values": "[" + "1," * 210_000 + "]",
    "alias of an alias": "a: [*b]\nb: *c\n",
    "keys": "rules: {" + ",".join(f"k{n}: 1" for n in range(100_000)) + "}",
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_yaml_bomb_is_a_mistake_with_a_place(bomb: str) -> None:
    began = time.perf_counter()
    document = read(BOMBS[bomb], "rules.yaml")
    ruleset, diagnostics = compile_texts(BOMBS[bomb])
    assert time.perf_counter() - began < 10 * SOON
    assert document.diagnostics or bomb == "keys"
    assert ruleset is None
    assert all(found.span.line >= 1 for found in diagnostics)


# -- whoever reaches a door ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": "http://127.0.0.1:8080"}, 403),
        ({"origin": "null"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"content_type": "text/plain"}, 415),
        ({"content_type": "application/x-www-form-urlencoded"}, 415),
        ({"content_type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_a_page_of_another_site_can_post_nothing(headers: dict[str, str], status: int) -> None:
    rig = Rig()
    async with serving(rig) as server:
        sent = request("POST", "/api/v2/alerts", body(posted(ends_at=None)), **headers)
        assert parse(await talk(port_of(server), sent))[0] == status
    assert bool(rig.journal.entries) is (status == 200)


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("localhost:9095", 200), ("rebound.example.com", 403)])
@pytest.mark.parametrize("path", ["/v1/alerts", "/metrics", "/v1/stats"])
async def test_a_name_that_was_made_to_point_here_reads_nothing(path: str, host: str, status: int) -> None:
    rig = Rig()
    async with serving(rig) as server:
        sent = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
        assert parse(await talk(port_of(server), sent))[0] == status


async def test_with_tokens_any_name_will_do_and_a_page_has_none() -> None:
    rig = Rig(tokens=[Token(name="a", secret="s3cret-s3cret", scopes=frozenset({"read"}))])
    async with serving(rig) as server:
        for authorization, status in (("", 401), ("Authorization: Bearer s3cret-s3cret\r\n", 200)):
            sent = f"GET /v1/alerts HTTP/1.1\r\nHost: router.example.com\r\n{authorization}Connection: close\r\n\r\n".encode()
            assert parse(await talk(port_of(server), sent))[0] == status


@pytest.mark.parametrize(
    "path", ["/../../etc/passwd", "/v1/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/v1/incidents/..%2f..%2fetc%2fpasswd",
             "//etc/passwd",
             "/v1/explain/..%00", "/v1/openapi.json/../../../etc/passwd"],
)  # fmt: skip
async def test_no_path_leads_to_a_file(path: str) -> None:
    rig = Rig()
    async with serving(rig) as server:
        status, _, content = parse(await talk(port_of(server), request("GET", path)))
    assert status in {400, 404}
    assert b"root:" not in content


def test_every_token_is_compared_whole_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = [Token(name=name, secret=f"secret-{name}", scopes=frozenset({"read"})) for name in "abcd"]
    authenticator = Authenticator(tokens)
    compared: list[tuple[bytes, bytes]] = []
    true_compare = hmac.compare_digest

    def compare(known: bytes, shown: bytes) -> bool:
        compared.append((known, shown))
        return true_compare(known, shown)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for shown in ("secret-a", "secret-d", "x", "secret-aaaaaaaaaaaaaaaa"):
        compared.clear()
        with contextlib.suppress(Refused):
            authenticator.check(f"Bearer {shown}".encode(), Peer("10.0.0.1"), "read")
        assert len(compared) == len(tokens)
        assert {len(part) for pair in compared for part in pair} == {32}, "digests, so that no length shows"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize(
    ("newest", "is_served"),
    [
        (ssl.TLSVersion.TLSv1, False),
        (ssl.TLSVersion.TLSv1_1, False),
        (ssl.TLSVersion.TLSv1_2, True),
        (ssl.TLSVersion.TLSv1_3, True),
    ],
)
def test_old_versions_of_tls_are_refused(tmp_path: Path, newest: ssl.TLSVersion, is_served: bool) -> None:
    certificate, key = Authority(tmp_path).issue("server")
    server_context = load_tls(TlsFiles(certificate=certificate, key=key))
    client_context = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))
    client_context.minimum_version = client_context.maximum_version = newest
    client_context.set_ciphers("ALL:@SECLEVEL=0")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname="localhost")

    def shake() -> bool:
        done = set()
        for _ in range(10):
            for side in (client, server):
                try:
                    side.do_handshake()
                    done.add(side)
                except ssl.SSLWantReadError:
                    continue
                except ssl.SSLError:
                    return False
        return len(done) == 2

    assert shake() is is_served


# -- a neighbour on the host ----------------------------------------------------------------------------------------------


def test_what_is_kept_is_for_our_user_alone_whatever_the_umask(tmp_path: Path) -> None:
    """Database, its log, its lock and their directory; the keys and the configuration of the demo."""
    script = (
        "import asyncio, os, sys; os.umask(0)\n"
        "from pathlib import Path\n"
        "from router.store.sqlite.driver import SqliteStore\n"
        "from router.clock import SystemClock\n"
        "from router.store.settings import StoreSettings\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1]) / 'data' / 'router.db', clock=SystemClock(), settings=StoreSettings())\n"
        "    await store.open(); await store.checkpoint_expiries({})\n"
        "    for file in (Path(sys.argv[1]) / 'data').iterdir(): print(file.name, oct(file.stat().st_mode & 0o777))\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=True)
    modes = dict(line.split() for line in done.stdout.splitlines())
    assert {"router.db", "router.db-wal", "router.db.lock"} <= set(modes)
    assert set(modes.values()) == {"0o600"}, modes
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_keys_of_the_demo_are_for_our_user_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        _prepare(tmp_path / "demo", 9095, 8080, {"payments": "a1" * 16})
    finally:
        os.umask(before)
    (key,) = (tmp_path / "demo").rglob("payments.key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
