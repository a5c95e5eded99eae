"""``python -m tests.fuzz TARGET [SECONDS]``: a coverage-guided search with atheris, which has to be installed beside the rest.

Ends with the first finding, whose bytes stand in a file ``crash-…`` below the given folder. Not part of ``make test``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["router", "yaml", "jinja2"]):
    from tests.fuzz.targets import TARGETS

KEY = b"0123456789abcdef0123456789abcdef"
SEEDS: dict[str, list[bytes]] = {
    "yaml": [
        b"rules:\n- id: a\n  match: {service: [db-*, 'x']}\n  when: {count: 3, within: 5m}\n",
        b"a: |\n  x\n",
        b"- ? x\n  : y\n",
    ],
    "rules": [path.read_bytes() for path in sorted(Path("rules").glob("*.yaml"))],
    "template": [
        b"{{ service|upper }}: {{ labels.env|default('x') }} {% if count > 3 %}many{% endif %}",
        b"{% for k, v in labels|items %}{{ k }}={{ v }}{% endfor %}{{ (1 + 2) * 3 }}",
    ],
    "alertmanager": [
        b'[{"labels":{"alertname":"A","service":"s","severity":"critical"},"startsAt":"2026-09-21T13:13:20Z"}]',
        b'[{"labels":{"a":"b"},"annotations":{"summary":"x"},"endsAt":"2026-09-21T15:13:20Z","generatorURL":"http://p/g"}]',
    ],
    "generic": [
        b'{"service":"a","name":"b","severity":"error","score":0.5,"labels":{"a":"b"},"details":{"x":[1]},"starts_at":1}'
    ],
    "event": [
        b'{"routing_key":"%b","event_action":"trigger","payload":{"summary":"s","source":"h","severity":"error"}}' % KEY,
        b'{"routing_key":"%b","event_action":"resolve","dedup_key":"k","payload":{"custom_details":{"a":1}}}' % KEY,
        b'{"routing_key":"%b","payload":{"summary":"s","timestamp":"2026-09-21T13:13:20Z"},"links":[]}' % KEY,
    ],
    "http": [
        b"\x10POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /y HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x03POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"\x20POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
        b"\x01POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    ],
}


def main() -> None:
    """Search until the time is up or something is found."""
    name, seconds = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 600
    folder = Path(tempfile.mkdtemp(prefix=f"fuzz-{name}-"))
    seeds = folder / "corpus"
    seeds.mkdir()
    known = sorted((Path(__file__).parent / "corpus" / name).glob("*"))
    for number, seed in enumerate([*SEEDS[name], *(path.read_bytes() for path in known)]):
        (seeds / f"seed{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder}/",
        "-max_len=4096",
        "-timeout=10",
        "-rss_limit_mb=2048",
    ]
    sys.stderr.write(f"findings go to {folder}\n")
    atheris.Setup([sys.argv[0], str(seeds), *options], TARGETS[name])
    atheris.Fuzz()


main()
