from __future__ import annotations

import pytest

from router.importing.wording import Untranslatable, translate
from router.rules.fields import SAMPLE
from router.rules.template import compile_template

TRANSLATED = {
    "plain": "plain",
    "{{ .CommonLabels.alertname }} at {{ .GroupLabels.service }}": "{{ name }} at {{ labels.service }}",
    "{{ .CommonAnnotations.summary }}": "{{ annotations.summary }}",
    '{{ index .CommonLabels "a-b" }}': "{{ labels['a-b'] }}",
    "{{ .Alerts.Firing | len }} firing": "{{ alerts }} firing",
    "{{ len .Alerts }}": "{{ alerts }}",
    "[{{ .Status | toUpper }}]": "[{{ 'firing'|upper }}]",
    "{{ .Status }}": "firing",
    "{{ .Receiver }}": "team-X",
    "{{ .CommonLabels.severity | toUpper | title }}": "{{ labels.severity|upper|title }}",
    "{{ (index .Alerts 0).Labels.env }}": "{{ labels.env }}",
    "{{ (index .Alerts 0).GeneratorURL }}": "{{ generator_url }}",
    "{{ if .CommonLabels.env }}a{{ else }}b{{ end }}": "{% if labels.env %}a{% else %}b{% endif %}",
    '{{ if eq .CommonLabels.env "prod" }}a{{ else if .CommonLabels.x }}b{{ end }}': "{% if (labels.env == 'prod') %}a{% elif labels.x %}b{% endif %}",
    "{{ if gt (len .Alerts.Firing) 1 }}many{{ end }}": "{% if (alerts > 1) %}many{% endif %}",
    "{{ if and .CommonLabels.a (not .CommonLabels.b) }}x{{ end }}": "{% if (labels.a and (not labels.b)) %}x{% endif %}",
    "{{ with .CommonAnnotations.runbook }}see {{ . }}{{ end }}": "{% if annotations.runbook %}see {{ annotations.runbook }}{% endif %}",
    "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }} {{ end }}": "{% for key, value in labels|items %}{{ key }}={{ value }} {% endfor %}",
    "{{ range .Alerts.Resolved }}gone{{ end }}.": ".",
    "a {{- /* why */ -}} b": "ab",
    "{{ $.CommonLabels.x | urlquery }}": "{{ labels.x|urlencode }}",
    "{{ `raw` }} {{ print .CommonLabels.x }}": "raw {{ labels.x }}",
    "{{ 3 }}": "{{ 3 }}",
}


@pytest.mark.parametrize("text", TRANSLATED)
def test_texts_become_ours(text: str) -> None:
    found = translate(text, "team-X")
    assert found == (TRANSLATED[text], False)
    compile_template(found.text)[0].render(SAMPLE)


def test_what_is_said_of_each_alert_is_said_of_one() -> None:
    text = "{{ range .Alerts }}{{ .Labels.instance }}: {{ .Annotations.summary }} since {{ .StartsAt }} {{ .Status }}{{ end }}"
    found = translate(text, "x")
    assert found == ("{{ labels.instance }}: {{ annotations.summary }} since {{ first_at }} firing", True)


REFUSED = {
    '{{ template "slack.default.title" . }}': "no named templates",
    "{{ .ExternalURL }}": ".ExternalURL has no counterpart",
    '{{ .CommonLabels.x | reReplaceAll "a" "b" }}': "the function reReplaceAll with 3 values",
    "{{ .CommonLabels }}": "labels as a whole",
    "{{ range .CommonLabels.Names }}x{{ end }}": "range over",
    "{{ if .CommonLabels.x }}no end": "a block without its end",
    "{{ end }}": "end without its beginning",
    "{% raw %}": "braces",
    "{{ $x := 1 }}": "cannot be read",
    '{{ "it\'s" }}': "the text",
    "{{ .CommonLabels.x | .y }}": "a pipe into",
    "{{ .CommonLabels.x .y }}": "stands where the expression should end",
    "{{ (len .Alerts).x }}": "has no counterpart",
    "{{ range .Alerts }}x{{ else }}y{{ end }}": "else here has no counterpart",
    "{{ len | }}": "the function len with 0 values",
    '{{ index .CommonLabels "a\\"b" }}': "the label",
    "{{ if | }}x{{ end }}": "stands where a value should",
    "x" * 5_000: "",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_has_no_counterpart_is_refused_with_the_reason(text: str) -> None:
    with pytest.raises(Untranslatable) as refused:
        translate(text, "team-X")
    assert REFUSED[text] in str(refused.value)
