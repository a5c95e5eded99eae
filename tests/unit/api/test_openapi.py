from __future__ import annotations

import json
import re

from router.api.openapi import POSTED_ALERT, document
from router.ingest.generic import FIELDS
from tests.support.doors import Rig

ELSEWHERE = ("/api/v2/*", "/api/v1/*")
"""What stands there is answered with a word about where to go."""


def test_the_document_names_every_route_and_no_other() -> None:
    paths = json.loads(document())["paths"]
    documented = {(method.upper(), re.sub(r"\{.*?\}", "*", path)) for path, verbs in paths.items() for method in verbs}
    routed = {(method, path) for method, path in Rig().api.routes.listed() if path not in ELSEWHERE}
    assert documented == routed


def test_posted_alerts_have_the_fields_the_reader_takes() -> None:
    assert set(POSTED_ALERT["properties"]) == set(FIELDS)


def test_every_reference_leads_somewhere() -> None:
    text = document().decode()
    names = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert names <= set(json.loads(text)["components"]["schemas"])
    assert "ListedAlert" in names
