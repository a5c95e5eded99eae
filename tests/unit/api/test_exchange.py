from __future__ import annotations

import pytest

from router.api.exchange import Refused, Request, answer_error, answer_json, answer_text


def test_queries() -> None:
    request = Request(method="GET", path="/", query_text=b"a=1&a=2&b=%20x&c")
    assert request.query() == {"a": ["1", "2"], "b": [" x"], "c": [""]}
    assert Request(method="GET", path="/").query() == {}
    assert Request(method="GET", path="/", query_text=b"\xff=%ff").query()
    with pytest.raises(Refused, match="at most 50 values") as refused:
        Request(method="GET", path="/", query_text=b"&".join(b"a=%d" % n for n in range(60))).query()
    assert refused.value.status == 400


def test_answers() -> None:
    assert answer_json({"a": 1}, status=202).body == b'{"a":1}'
    assert answer_text("x", status=410).content_type.startswith(b"text/plain")
    assert answer_error(404, "gone").body == b'{"error":"gone"}'
    assert Refused(400, "no").text == "no"
