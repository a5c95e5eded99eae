"""What looks like a secret in free text: the list, and how each find is blotted out. Pure.

Each pattern is RE2, so the time is linear in the text. A find that is more likely something else (a word after ``token:``, a
long number that is no card) stays: a page that cannot be read is of no use to the person who holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from router.model.pattern import Expression

REDACTED = "[redacted]"

_MIN_SHOWN_AS_SECRET = 8
"""Letters a value after a colon has at least to be taken for a secret; shorter ones are words and numbers."""

Replace = Callable[[Any], str]


def _whole(_found: Any) -> str:
    return REDACTED


def _second(found: Any) -> str:
    """The first group stays, the second goes."""
    return f"{found.group(1)}{REDACTED}"


def _between(found: Any) -> str:
    """The first and third group stay."""
    return f"{found.group(1)}{REDACTED}{found.group(3)}"


def _if_secret(found: Any) -> str:
    """``name: value``: the value goes if it looks like no word."""
    value = found.group(2)
    is_word = len(value) < _MIN_SHOWN_AS_SECRET or not any(character.isdigit() for character in value)
    return str(found.group(0)) if is_word else f"{found.group(1)}{REDACTED}"


def _if_card(found: Any) -> str:
    text = str(found.group(0))
    return REDACTED if is_card("".join(character for character in text if character.isdigit())) else text


def is_card(digits: str) -> bool:
    """Whether it is a payment card's number: an issuer's first digits and length, and the check digit of Luhn."""
    length = len(digits)
    by_issuer = (
        (digits[0] == "4" and length in {16, 19})  # Visa
        or (length == 16 and ("51" <= digits[:2] <= "55" or "2221" <= digits[:4] <= "2720"))  # noqa: PLR2004 -- Mastercard
        or (length == 15 and digits[:2] in {"34", "37"})  # noqa: PLR2004 -- American Express
        or (16 <= length <= 19 and (digits[:4] == "6011" or digits[:2] in {"64", "65", "62", "35"}))  # noqa: PLR2004
        or (length == 14 and (digits[:2] in {"36", "38", "39"} or "300" <= digits[:3] <= "305"))  # noqa: PLR2004 -- Diners
    )
    if not by_issuer:
        return False
    total = 0
    for position, character in enumerate(reversed(digits)):
        value = int(character) * (1 + position % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 -- the sum of its two digits
    return total % 10 == 0


_NAMES = (
    r"password|passwd|passphrase|pwd|secret|client[_-]?secret|api[_-]?key|apikey|access[_-]?key|secret[_-]?key|private[_-]?key|"
    r"secret[_-]?access[_-]?key|auth[_-]?token|access[_-]?token|refresh[_-]?token|id[_-]?token|session[_-]?token|token|sig|"
    r"signature|x-amz-signature|x-amz-credential|x-goog-signature|account[_-]?key|shared[_-]?access[_-]?key|credential"
)

_STORES = (
    r"postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|oracle|clickhouse|nats|ldaps?|smtps?|s?ftp"
)
_VALUE = r"([^\s\"',;&)]{4,})"

PATTERNS: tuple[tuple[str, str, Replace], ...] = (
    ("private keys", r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[^-]*(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----)?", _whole),
    ("access keys of AWS", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b", _whole),
    ("tokens of GitHub and GitLab", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_\w{22,}|glpat-[\w-]{20,})", _whole),
    ("tokens of Slack", r"\b(?:xox[abeprs]|xapp|xoxe\.xox[bp])-[A-Za-z0-9-]{10,}", _whole),
    ("webhooks of Slack", r"(https://hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)([\w/-]{8,})", _second),
    ("webhooks of Discord", r"(https://(?:\w+\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/\d+/)([\w-]{8,})", _second),
    ("keys of Google", r"\bAIza[\w-]{35}", _whole),
    ("keys of Stripe", r"\b[rs]k_(?:live|test)_[A-Za-z0-9]{16,}", _whole),
    (
        "keys of SendGrid, npm, PyPI and language models",
        r"\b(?:SG\.[\w-]{16,}\.[\w-]{16,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{40,}|sk-[\w-]{20,})",
        _whole,
    ),
    ("tokens of Telegram bots", r"\b\d{8,10}:AA[\w-]{32,}", _whole),
    ("JSON web tokens", r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*", _whole),
    (
        "passwords in connection strings",
        rf"(?i)\b((?:{_STORES})://[^\s:@/]{{0,256}}:)([^\s@]{{1,512}})(@)",
        _between,
    ),
    ("passwords in addresses", r"(?i)\b([a-z][a-z0-9+.-]{1,30}://[^\s:@/?#]{0,256}:)([^\s@/?#]{1,512})(@)", _between),
    ("credentials of HTTP", r"(?i)\b((?:bearer|basic|digest|token)\s+)([\w.~+/=-]{12,})", _if_secret),
    ("values of assignments", rf"(?i)\b((?:\w{{1,40}}[_.-])?(?:{_NAMES})[\"']?=[\"']?){_VALUE}", _second),
    (
        "named values",
        rf"(?i)\b((?:\w{{1,40}}[_.-])?(?:{_NAMES})[\"']?\s{{0,3}}:\s{{0,3}}[\"']?)([^\s\"',;&)]{{4,}})",
        _if_secret,
    ),
    ("card numbers", r"\b\d(?:[ -]?\d){13,18}\b", _if_card),
)
"""Name, pattern, replacement; in this order."""

_COMPILED = tuple((Expression(pattern), replace) for _, pattern, replace in PATTERNS)
_ANY = Expression("|".join(f"(?:{pattern})" for _, pattern, _ in PATTERNS))


def may_hold_secret(text: str) -> bool:
    """Whether any pattern matches: one pass over the text, for the many that hold none."""
    return _ANY.occurs(text)


def blot_out(text: str) -> str:
    """The text without what looks like a secret."""
    for expression, replace in _COMPILED:
        text = expression.replace(text, replace)
    return text


DENIED_NAMES = (
    "password", "*_password", "passwd", "passphrase", "pwd", "secret", "*_secret", "*-secret", "token", "*_token", "*-token",
    "api_key", "api-key", "apikey", "x-api-key", "access_key", "secret_key", "private_key", "*_private_key", "authorization",
    "proxy-authorization", "cookie", "set-cookie", "credentials", "connection_string", "connectionstring", "card_number", "cvv",
    "cvc", "ssn",
)  # fmt: skip
"""Labels and details that never leave, by name, in any case."""
