import pytest

from router.wire.origin import Origin, is_loopback, parse_origin


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://events.pagerduty.com", "https://events.pagerduty.com", ""),
        ("https://events.eu.pagerduty.com/", "https://events.eu.pagerduty.com", ""),
        ("https://EVENTS.example:8443/pd/", "https://events.example:8443", "/pd"),
        ("http://127.0.0.1:9999", "http://127.0.0.1:9999", ""),
        ("http://localhost:80", "http://localhost", ""),
        ("http://[::1]:8080/x", "http://[::1]:8080", "/x"),
        ("https://bücher.example", "https://xn--bcher-kva.example", ""),
    ],
)
def test_what_a_url_says(url, origin, path):
    found, found_path = parse_origin(url)
    assert (str(found), found_path) == (origin, path)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("events.pagerduty.com", "no URL of a server"),
        ("ftp://x", "no URL of a server"),
        ("https://", "no URL of a server"),
        ("https://user:secret@x", "user name"),
        ("https://x?a=b", "query"),
        ("https://x#a", "fragment"),
        ("https://x:99999", "cannot be used"),
        ("https://" + "a" * 70 + ".example", "cannot be used"),
        ("http://events.pagerduty.com", "unencrypted"),
        ("http://10.0.0.1", "unencrypted"),
        ("https://x/a b", "percent-encoded"),
        ("https://x/é", "percent-encoded"),
    ],
)
def test_what_is_refused_and_why(url, said):
    with pytest.raises(ValueError, match=said) as raised:
        parse_origin(url)
    assert "secret" not in str(raised.value)


def test_plain_http_elsewhere_has_to_be_allowed():
    origin, _ = parse_origin("http://sandbox:8080", allow_http=True)
    assert origin == Origin(scheme="http", host="sandbox", port=8080)
    assert origin.host_header == "sandbox:8080"


def test_loopback():
    assert is_loopback("localhost")
    assert is_loopback("127.9.9.9")
    assert is_loopback("::1")
    assert not is_loopback("events.pagerduty.com")
    assert not is_loopback("192.168.0.1")
