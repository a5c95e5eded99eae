"""What looks like a secret and what does not. No real secret stands here: each is put together from parts."""

from __future__ import annotations

import pytest

from router.channels.secret_patterns import PATTERNS, REDACTED, blot_out, is_card, may_hold_secret

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

SECRETS = {
    "private key": f"-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n{LETTERS}\n-----END RSA PRIVATE KEY-----",
    "private key cut off": f"-----BEGIN PRIVATE KEY-----\n{LETTERS}",
    "aws": "AKIA" + "ABCDEFGHIJKLMNOP",
    "github": "ghp_" + LETTERS[:36],
    "github fine": "github_pat_" + LETTERS[:40],
    "gitlab": "glpat-" + LETTERS[:20],
    "slack": "xoxb-" + "1111111111-2222222222-" + LETTERS[:24],
    "google": "AIza" + LETTERS[:35],
    "stripe": "sk_live_" + LETTERS[:24],
    "sendgrid": f"SG.{LETTERS[:22]}.{LETTERS[:43]}",
    "npm": "npm_" + LETTERS[:36],
    "telegram": "123456789:AA" + LETTERS[:33],
    "jwt": f"eyJ{LETTERS[:20]}.eyJ{LETTERS[:30]}.{LETTERS[:43]}",
    "card": "4111 1111 1111 1111",
    "card of another issuer": "378282246310005",
}

PARTLY = [
    ("postgres://app:hunter2@db.internal:5432/orders", "postgres://app:[redacted]@db.internal:5432/orders"),
    ("mongodb+srv://a:p/w:x@cluster.example/x", "mongodb+srv://a:[redacted]@cluster.example/x"),
    ("redis://:hunter2@cache:6379", "redis://:[redacted]@cache:6379"),
    ("https://ops:hunter2@wiki.example/x", "https://ops:[redacted]@wiki.example/x"),
    ("Server=db;User Id=sa;Password=hunter2;Encrypt=yes", "Server=db;User Id=sa;Password=[redacted];Encrypt=yes"),
    ("GET /x?user=a&api_key=abcd1234 HTTP/1.1", "GET /x?user=a&api_key=[redacted] HTTP/1.1"),
    ("AWS_SECRET_ACCESS_KEY=abcd/EFGH+1234", "AWS_SECRET_ACCESS_KEY=[redacted]"),
    ("export DB_PASSWORD='hunter2'", "export DB_PASSWORD='[redacted]'"),
    ("Authorization: Bearer abc123def456ghi", "Authorization: Bearer [redacted]"),
    ('{"client_secret": "abcd1234efgh"}', '{"client_secret": "[redacted]"}'),
    ("https://blob.example/x?sv=2022&sig=AbC%2Bd123", "https://blob.example/x?sv=2022&sig=[redacted]"),
    ("https://hooks.slack.com/services/T0/B0/abcdefgh", "https://hooks.slack.com/services/[redacted]"),
    ("https://discord.com/api/webhooks/123/abcdefgh-ij", "https://discord.com/api/webhooks/123/[redacted]"),
]

HARMLESS = [
    "the token: expired",
    "password: incorrect",
    "invalid token for user ada",
    "basic authentication is needed",
    "secret: not found in vault",
    "https://grafana.example:3000/d/abc?orgId=1&from=1790000000000&to=1790000060000",
    "http://db.example:5432 is down, mail ops@example.com",
    "trace 4bf92f3577b34da6a3ce929d0e0e4736",
    "at 1790000000000 and 1790000000000000000",
    "order 4111111111111112",
    "keys 128, key=5, sort_key=a",
    "-----BEGIN CERTIFICATE-----",
    "monkey: 12345678",
]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_secret_goes_and_what_is_around_it_stays(secret):
    text = f"before {secret} after"
    assert may_hold_secret(text)
    expected = f"before {REDACTED}" if "cut" in secret or secret.endswith("XYZ") else f"before {REDACTED} after"
    found = blot_out(text)
    assert found.startswith(expected[:20])
    assert secret not in found
    assert LETTERS[:20] not in found


@pytest.mark.parametrize(("text", "expected"), PARTLY)
def test_of_what_holds_a_secret_the_rest_can_be_read(text, expected):
    assert may_hold_secret(text)
    assert blot_out(text) == expected


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text):
    assert blot_out(text) == text


@pytest.mark.parametrize("text", ["", REDACTED, f"password={REDACTED}", f"a://b:{REDACTED}@c"])
def test_what_was_redacted_stays_as_it_is(text):
    assert blot_out(blot_out(text)) == blot_out(text)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("4111111111111111", True),
        ("5555555555554444", True),
        ("2223003122003222", True),
        ("6011111111111117", True),
        ("3530111333300000", True),
        ("30569309025904", True),
        ("378282246310005", True),
        ("4111111111111112", False),
        ("1790000000000000", False),
        ("0000000000000000", False),
        ("411111111111111", False),
    ],
)
def test_cards_are_told_from_other_numbers(digits, expected):
    assert is_card(digits) is expected


def test_the_time_is_linear_whatever_the_text():
    for text in ("a://" + ":" * 200_000, "password=" * 50_000, "1 " * 200_000, "eyJ" + "a." * 100_000, "x_" * 200_000):
        blot_out(text)


def test_every_pattern_has_a_name_of_its_own():
    names = [name for name, _, _ in PATTERNS]
    assert len(set(names)) == len(names)
