"""Answers as values."""

from router.sandbox.answer import Behaviour, empty_answer, json_answer, text_answer


def test_any_text_can_be_answered():
    answer = json_answer(400, {"x": "é \ud800"}, ("a", "b"))
    assert (answer.body, answer.behaviour, answer.delay_ms) == (b'{"x":"\\u00e9 \\ud800"}', Behaviour.ANSWER, 0)
    assert answer.headers == (("content-type", "application/json"), ("a", "b"))


def test_other_bodies():
    assert text_answer(400, "é").body == "é".encode()
    assert (empty_answer(204).body, empty_answer(204).headers) == (b"", ())
