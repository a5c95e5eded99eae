from __future__ import annotations

from router.importing.notes import Notes
from router.importing.receivers import Receivers, events_host, read_receivers
from router.yamldoc import read


def receivers(text: str, *used: str) -> tuple[Receivers, list[str]]:
    document = read(text, "am.yml")
    notes = Notes(document)
    found = read_receivers(document.data, set(used), notes)
    return found, [f"{note.line} {note.kind}: {note.path}: {note.text}" for note in notes.all()]


def test_every_way_to_give_a_key_becomes_a_reference() -> None:
    found, notes = receivers(
        """
receivers:
  - name: A
    pagerduty_configs:
      - {routing_key: SECRET, severity: critical}
      - {routing_key_file: /etc/key, severity: critical}
      - {service_key: SECRET, severity: critical}
      - {service_key_file: /etc/old, severity: critical}
      - {severity: critical}
""",
        "A",
    )
    assert [(team.name, team.routing_key, team.line) for team in found.teams] == [
        ("a", "env:PD_KEY_A", 5),
        ("a-2", "file:/etc/key", 6),
        ("a-3", "env:PD_KEY_A_3", 7),
        ("a-4", "file:/etc/old", 8),
        ("a-5", "env:PD_KEY_A_5", 9),
    ]
    assert found.paging["A"].teams == ["a", "a-2", "a-3", "a-4", "a-5"]
    assert "SECRET" not in repr(found) + repr(notes)
    assert [note.split(":")[0] for note in notes] == ["5 to do", "7 to do", "7 to do", "8 to do", "9 error"]


def test_words_become_keys_of_the_rules() -> None:
    found, notes = receivers(
        """
receivers:
  - name: A
    pagerduty_configs:
      - routing_key: x
        description: "{{ .CommonLabels.alertname }} broke"
        severity: "{{ .CommonLabels.severity | toLower }}"
        details: {env: "{{ .CommonLabels.env }}", firing: '{{ template "x" . }}', each: "{{ range .Alerts }}x{{ end }}"}
        links: [{href: "https://x/{{ .CommonLabels.env }}", text: Look}, {text: nowhere}]
        images: [{src: "https://x/y.png", alt: A}]
        send_resolved: false
        client: us
        url: https://events.eu.pagerduty.com/v2/enqueue
        brand_new: 1
""",
        "A",
    )
    assert found.paging["A"].words == {
        "summary": "{{ name }} broke",
        "details": {"env": "{{ labels.env }}", "each": "x"},
        "links": [{"href": "https://x/{{ labels.env }}", "text": "Look"}],
        "images": [{"src": "https://x/y.png", "alt": "A"}],
        "resolve": "never",
    }
    assert list(found.events_urls) == ["https://events.eu.pagerduty.com/v2/enqueue"]
    assert events_host("https://events.eu.pagerduty.com/v2/enqueue") == "https://events.eu.pagerduty.com"
    assert [note.split(" ", 1)[1].split(":")[0] for note in notes] == ["to do", "lost", "differs", "lost", "lost"]


def test_severities() -> None:
    configs = ["severity: error", "severity: '{{ if .x }}a{{ end }}'", "client: x"]
    for config, expected, told in zip(configs, ("error", None, None), ("", "without one", "whatever fires"), strict=True):
        found, notes = receivers(f"receivers: [{{name: A, pagerduty_configs: [{{routing_key: x, {config}}}]}}]", "A")
        assert found.paging["A"].words.get("as_severity") == expected
        assert told in "".join(notes)


def test_own_defaults_are_ours_and_need_no_note() -> None:
    text = """
receivers:
  - name: A
    pagerduty_configs:
      - {routing_key: x, severity: error, description: '{{ template "pagerduty.default.description" . }}'}
"""
    found, notes = receivers(text, "A")
    assert found.paging["A"].words == {"as_severity": "error"}
    assert [note.split(" ")[1] for note in notes] == ["to"]


def test_the_rest_is_told() -> None:
    found, notes = receivers(
        """
global: {pagerduty_url: https://pd.example.com/v2/enqueue}
receivers:
  - name: A
    email_configs: [{to: x}, {to: y}]
    slack_configs: [{channel: x}]
    odd: 1
    pagerduty_configs:
      - {routing_key: x, severity: error}
      - {routing_key: y, severity: critical}
  - name: A
  - name: B
""",
        "A",
        "C",
    )
    assert found.paging["A"].others == ["email", "slack"]
    assert found.paging["C"].teams == []
    assert list(found.events_urls) == ["https://pd.example.com/v2/enqueue"]
    text = "\n".join(notes)
    for said in (
        "5 lost: receivers[0].email_configs[0]: mail without a server",
        "5 lost: receivers[0].email_configs[1]: mail without a server",
        "6 error: receivers[0].slack_configs[0]: there is no address of an incoming webhook",
        "7 lost: receivers[0].odd",
        "10 differs: receivers[0].pagerduty_configs[1]: says other words",
        "11 error: receivers[1]: the receiver 'A' stands twice",
        "12 differs: receivers[2]: no route leads to the receiver 'B'",
        "there is no receiver 'C'",
    ):
        assert said in text
