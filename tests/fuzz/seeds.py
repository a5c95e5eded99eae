"""What each target is given to begin with: genuine bodies, and small ones that reach far."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz.messages import PRESETS

_TESTS = Path(__file__).resolve().parents[1]
_BODIES = [path.read_bytes() for path in sorted((_TESTS / "samples").glob("*.json"))]
_KEY = b"0123456789abcdef0123456789abcdef"

SEEDS: dict[str, list[bytes]] = {
    "yaml": [
        b"rules:\n- id: a\n  match: {service: [db-*, 'x']}\n  when: {count: 3, within: 5m}\n",
        b"a: |\n  x\n",
        b"- ? x\n  : y\n",
    ],
    "rules": [path.read_bytes() for path in sorted((_TESTS.parent / "rules").glob("*.yaml"))],
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
        b'{"routing_key":"%b","event_action":"trigger","payload":{"summary":"s","source":"h","severity":"error"}}' % _KEY,
        b'{"routing_key":"%b","event_action":"resolve","dedup_key":"k","payload":{"custom_details":{"a":1}}}' % _KEY,
        b'{"routing_key":"%b","payload":{"summary":"s","timestamp":"2026-09-21T13:13:20Z"},"links":[]}' % _KEY,
    ],
    "http": [
        b"\x10POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}GET /y HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x03POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"\x20POST /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}",
        b"\x01POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    ],
    "hook": [bytes([number]) + body for number in range(len(PRESETS) + 1) for body in _BODIES],
    "pagerduty": [
        (
            b'{"event":{"id":"E1","event_type":"incident.acknowledged","occurred_at":"2026-09-21T13:13:20Z",'
            b'"agent":{"summary":"Ada","type":"user_reference"},"data":{"id":"Q1","type":"incident","number":7,'
            b'"status":"acknowledged","incident_key":"a/b/c","assignees":[{"summary":"Ada"}],"priority":{"summary":"P1"},'
            b'"service":{"id":"S1"},"html_url":"https://x","urgency":"high","conference_bridge":{"conference_number":"1"}}}}'
        ),
        (
            b'{"event":{"id":"E2","event_type":"incident.responder.added","data":{"type":"incident_responder","incident":{"id":"Q1"},'
            b'"user":{"summary":"Bob"},"message":"help","state":"pending"}}}'
        ),
        (
            b'{"event":{"id":"E3","event_type":"incident.annotated","data":{"type":"incident_note","incident":{"id":"Q1"},'
            b'"content":"a note","trimmed":false}}}'
        ),
    ],
    "expression": [
        *(b"a[?b=='c'].b | [0]", b"regex_extract(text,'(\\\\d+)')", b"join_('-', a)", b"to_score(n, `0`, `1`)"),
        *(b"lookup(text, {warning: 'x'})", b"entries(@)", b"parse_json(text)", b"default(a, b)", b"split(text, ' ')[0]"),
    ],
    "mapping": [
        # JSON is YAML: so it is bent member by member as well.
        (
            b'{"default_team":"a","teams":{"a":{"pagerduty":{"routing_key":"env:KEY"}}},"sources":{"hook":{"kind":"webhook",'
            b'"auth":{"secret":"env:S","user":"u","header":"X-A","signature":{"header":"X-S","prefix":"sha256="}},'
            b'"statuses":{"firing":["bad"],"resolved":"good"},"severities":{"critical":["p1"],"info":"p4"},"resolve_timeout":"5m",'
            b'"mapping":{"items":"a || [@]","ignore":"c","service":"text","name":"split(text, \' \')[0]","severity":"s",'
            b'"score":"to_score(n, `0`, `10`)","status":"default(s, \'bad\')","kind":"event","summary":"upper(text)",'
            b'"labels":{"x":"n","y":"join_(\'-\', a)"},"annotations":"@","details":{"all":"_body","h":"_headers"},'
            b'"links":[{"href":"text","text":"s"}],"images":"a","generator_url":"text","starts_at":"at","ends_at":"n",'
            b'"dedup_key":"regex_extract(text, \'([0-9]+)\')"}}}}'
        ),
        (
            b'{"default_team":"a","teams":{"a":{"pagerduty":{"routing_key":"env:KEY"}}},"sources":{'
            b'"g":{"kind":"grafana","auth":"env:S","mapping":{"details":"from_entries(a, \'b\', \'c\')"}},'
            b'"c":{"kind":"cloudwatch-sns","topics":["arn:*"],"mapping":{"summary":"lookup(s, {ok: text})"}}}}'
        ),
        (
            b"default_team: a\nteams: {a: {pagerduty: {routing_key: env:KEY}}}\nsources:\n  w:\n    kind: webhook\n    mapping:\n"
            b"      service: a[?b==`1.5`].b | [0]\n      labels: {x: parse_json(text), y: '_headers.\"content-type\"'}\n"
            b'      details: "entries(@)"\n'
        ),
    ],
    "filter": [b'a="b"', b'severity=~"crit.*"', b'{a="b",c!~"d"}', b'"x y"!="z"', b'["a=b", c]'],
    "silence": [
        (
            b'{"matchers":[{"name":"a","value":"b","isRegex":false}],"startsAt":"2026-09-21T13:13:20Z",'
            b'"endsAt":"2027-01-01T00:00:00Z","createdBy":"ann","comment":"works"}'
        )
    ],
    "import": [path.read_bytes() for path in sorted((_TESTS / "samples").glob("alertmanager*.yml"))],
}
