"""Secrets by reference: ``env:NAME``, ``file:PATH``, ``credential:NAME``, ``config:PATH.IN.CONFIG``.

What is stored, logged and shown is always the reference. The text of a secret leaves this module only through
``Secret.reveal``, and never through a message, a repr or an exception. Read when a configuration is loaded; a reload makes a
new ``Secrets``. A reference that no configuration names any more is still resolved for incidents opened through it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Mapping
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path

import msgspec

from router.errors import RouterError

REFERENCE_KINDS = ("env", "file", "credential")
REFERENCE_FORM = "env:NAME, file:PATH or credential:NAME"
MAX_SECRET_BYTES = 64 * 1024
MAX_READ_LATER = 1_024
"""References resolved although the configuration does not name them (any more)."""

ROUTING_KEY_LENGTH = 32
EXAMPLE_KEY = "routing-key-example"
"""Code of the problem that a key is nobody's."""

_REST_TOKEN_LENGTH = 20
_MIN_TOKEN_LENGTH = 16
_ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_CREDENTIAL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\Z")
# Keys of PagerDuty's own public examples, which people paste.
_EXAMPLE_KEYS = frozenset({"e93facc04764012d7bfb002500d5d1a6"})
_PLACEHOLDER = re.compile(r"(?i)your|example|sample|change.?me|integration.?key|routing.?key|placeholder|<.*>|x{8,}")


class Secret:
    """The text of a secret, which prints as ``***``."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Hold the text."""
        self._text = text

    def reveal(self) -> str:
        """The text itself: only for the wire, or for comparing in constant time."""
        return self._text

    def __repr__(self) -> str:
        """Never the text."""
        return "***"

    __str__ = __repr__

    def __format__(self, _format: str) -> str:
        """Never the text."""
        return "***"

    def __reduce__(self) -> str:
        """A secret is not pickled or copied."""
        raise TypeError("a secret is not serialised")

    def __eq__(self, other: object) -> bool:
        """Equal texts; not in constant time, so not for checking what a sender shows."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """By text."""
        return hash(self._text)


class Purpose(StrEnum):
    """What a secret is for: decides which mistakes can be recognised."""

    ROUTING_KEY = "routing key"
    INBOUND_KEY = "inbound key"
    TOKEN = "token"  # noqa: S105 -- the word, not a token
    API_TOKEN = "REST API token"  # noqa: S105 -- likewise
    WEBHOOK_SECRET = "webhook secret"  # noqa: S105 -- likewise
    SLACK_WEBHOOK = "incoming webhook of Slack"
    SLACK_TOKEN = "token of Slack"  # noqa: S105 -- likewise
    DISCORD_WEBHOOK = "webhook of Discord"
    TEAMS_WEBHOOK = "workflow of Teams"
    HOOK_URL = "address"
    APPRISE_URL = "address for apprise"
    CHANNEL_PASSWORD = "password"  # noqa: S105 -- likewise
    HEADER = "header"


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a secret; never holds its text."""

    code: str
    message: str
    hint: str = ""
    is_warning: bool = False


class SecretUnavailable(RouterError):
    """A reference cannot be resolved; ``problem`` says why."""

    def __init__(self, reference: str, problem: Problem) -> None:
        """The message names the reference, which is no secret."""
        super().__init__(f"{reference}: {problem.message}")
        self.reference = reference
        self.problem = problem


class Secrets:
    """Resolves the references of one configuration. ``base`` is what a relative ``file:`` path starts from."""

    def __init__(
        self,
        *,
        base: Path = Path(),
        environ: Mapping[str, str] | None = None,
        literals: Mapping[str, str] | None = None,
        previous: Secrets | None = None,
    ) -> None:
        """``literals``: texts that stand in the configuration itself, by reference; ``previous`` still knows those dropped."""
        self._base = base
        self._environ = os.environ if environ is None else environ
        self._held: dict[str, Secret] = dict(previous.literals()) if previous else {}
        self._held |= {reference: Secret(text) for reference, text in (literals or {}).items()}
        self._refused: dict[str, Problem] = {}

    def literals(self) -> dict[str, Secret]:
        """The secrets that stood in a configuration and can be read from nowhere else."""
        return {reference: secret for reference, secret in self._held.items() if reference.startswith("config:")}

    def read(self, reference: str) -> list[Problem]:
        """Read where the reference points and hold it; answer warnings. SecretUnavailable if it cannot be read."""
        if reference.startswith("config:"):
            if reference not in self._held:
                message = "this secret stood in a configuration that is no longer loaded"
                raise SecretUnavailable(
                    reference,
                    Problem(
                        code="secret-gone",
                        message=message,
                        hint="name it in the configuration by a reference, which can be read at any time",
                    ),
                )
            return []
        text, problems = _read(reference, self._base, self._environ)
        self._held[reference] = Secret(text)
        return problems

    def resolve(self, reference: str) -> Secret:
        """The secret, as it was when the configuration was loaded; SecretUnavailable if it cannot be read or is refused."""
        if reference in self._refused:
            raise SecretUnavailable(reference, self._refused[reference])
        held = self._held.get(reference)
        if held is None:
            if len(self._held) >= MAX_READ_LATER:
                message = f"more than {MAX_READ_LATER} secrets are in use"
                raise SecretUnavailable(
                    reference,
                    Problem(
                        code="too-many-secrets",
                        message=message,
                        hint="restart, and take out of the configuration what is not needed",
                    ),
                )
            self.read(reference)
            held = self._held[reference]
        return held

    def refuse(self, reference: str, problem: Problem) -> None:
        """Nobody gets this one any more: what stands there cannot be what it is used for."""
        self._refused[reference] = problem

    def known(self, references: Iterable[str]) -> list[Secret]:
        """Those that could be read, also what is refused: a secret in the wrong place is one all the same."""
        found = []
        for reference in references:
            held = self._held.get(reference) if reference in self._refused else self.resolve(reference)
            if held is not None:
                found.append(held)
        return found

    def fingerprint(self, reference: str, *, key: bytes = b"") -> str:
        """A short keyed digest: differs when the secret behind the same reference was changed, and tells nothing else."""
        digest = blake2b(self.resolve(reference).reveal().encode(), digest_size=6, key=key, person=b"alert-router")
        return digest.hexdigest()

    def __repr__(self) -> str:
        """How many, never which."""
        return f"<{len(self._held)} secrets>"


def is_reference(text: str) -> bool:
    """Whether a text points at a secret instead of being one."""
    kind, colon, _ = text.partition(":")
    return bool(colon) and kind in REFERENCE_KINDS


def check_reference(reference: str) -> Problem | None:
    """What is wrong with the reference itself, without reading anything."""
    kind, _, name = reference.partition(":")
    if kind == "env" and not _ENVIRONMENT_NAME.match(name):
        return Problem(
            code="bad-reference",
            message="expected the name of an environment variable after env:",
            hint="letters, digits and underscores, as in env:PD_KEY",
        )
    if kind == "credential" and not _CREDENTIAL_NAME.match(name):
        return Problem(
            code="bad-reference",
            message="expected the name of a credential after credential:, without slashes",
            hint="it is the part before the colon in systemd's LoadCredential=NAME:PATH",
        )
    if kind == "file" and (not name or "\0" in name):
        return Problem(
            code="bad-reference", message="expected a path after file:", hint="for example: file:/etc/alert-router/payments.key"
        )
    return None


def check_secret(text: str, purpose: Purpose) -> Problem | None:
    """What is recognisably wrong with the text of a secret. PagerDuty: a routing key is 32 letters and digits."""
    if purpose is Purpose.ROUTING_KEY:
        return _check_routing_key(text)
    if purpose is Purpose.API_TOKEN and len(text) == ROUTING_KEY_LENGTH and text.isalnum():
        message = "this has 32 characters, so it is a routing key; expected a REST API token"
        hint = "PagerDuty makes one under Integrations > API Access Keys; read-only is enough for following pages"
        return Problem(code="token-is-routing-key", message=message, hint=hint, is_warning=True)
    if len(text) < _MIN_TOKEN_LENGTH:
        message = f"this {purpose} has {len(text)} characters: that can be guessed"
        return Problem(code="weak-secret", message=message, hint="make one with: openssl rand -hex 16", is_warning=True)
    return None


def _check_routing_key(text: str) -> Problem | None:
    where = "PagerDuty shows it under Services > the service > Integrations > Events API v2"
    if text in _EXAMPLE_KEYS or len(set(text)) == 1 or (len(text) != _REST_TOKEN_LENGTH and _PLACEHOLDER.search(text)):
        return Problem(code=EXAMPLE_KEY, message="this is the key of an example, not one of yours", hint=where)
    if len(text) == _REST_TOKEN_LENGTH:
        message = "this has 20 characters, so it is a PagerDuty REST API token; expected a routing key of 32"
        return Problem(code="routing-key-is-token", message=message, hint=where)
    if len(text) != ROUTING_KEY_LENGTH:
        message = f"expected a routing key of {ROUTING_KEY_LENGTH} characters, found {len(text)}"
        return Problem(code="routing-key-length", message=message, hint=where)
    if not (text.isascii() and text.isalnum()):
        message = "expected a routing key of letters and digits only, found other characters"
        return Problem(code="routing-key-characters", message=message, hint=where)
    return None


def _read(reference: str, base: Path, environ: Mapping[str, str]) -> tuple[str, list[Problem]]:
    problem = check_reference(reference)
    if problem is None and not is_reference(reference):
        problem = Problem(code="bad-reference", message=f"expected {REFERENCE_FORM}", hint="for example: env:PD_KEY_PAYMENTS")
    if problem is not None:
        # The text may be the secret itself: it is not shown.
        raise SecretUnavailable("a reference", problem)
    kind, _, name = reference.partition(":")
    if kind == "env":
        text = environ.get(name)
        if text is None:
            message = f"the environment variable {name} is not set"
            raise SecretUnavailable(reference, Problem(code="secret-missing", message=message, hint=_environment_hint(name)))
        problems: list[Problem] = []
    else:
        text, problems = _read_file(reference, _path_of(reference, base, environ), is_file=kind == "file")
    text = text.strip("\r\n")
    if not text.strip():
        raise SecretUnavailable(
            reference,
            Problem(code="secret-empty", message="the secret is empty", hint="put it there: what it holds now is blanks only"),
        )
    if text != text.strip():
        message = "the secret begins or ends with blanks: they were left out"
        problems.append(
            Problem(
                code="secret-blanks",
                message=message,
                is_warning=True,
                hint="store it without them: printf instead of echo, and no blanks around =",
            )
        )
    return text.strip(), problems


def _environment_hint(name: str) -> str:
    return f"set {name} where the daemon starts: EnvironmentFile= of its unit, or --env of its container"


def _path_of(reference: str, base: Path, environ: Mapping[str, str]) -> Path:
    kind, _, name = reference.partition(":")
    if kind == "file":
        return base / Path(name).expanduser()
    directory = environ.get("CREDENTIALS_DIRECTORY")
    if not directory:
        message = f"there are no systemd credentials (CREDENTIALS_DIRECTORY is not set), so none is named {name}"
        hint = f"start as a systemd service with LoadCredential={name}:PATH, or use file:PATH"
        raise SecretUnavailable(reference, Problem(code="secret-missing", message=message, hint=hint))
    return Path(directory) / name


def _read_file(reference: str, path: Path, *, is_file: bool) -> tuple[str, list[Problem]]:
    problems = []
    try:
        # Not waiting for a writer, should the path be a named pipe.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:  # noqa: PTH123
            mode = os.fstat(opened.fileno()).st_mode
            if not stat.S_ISREG(mode):
                message = f"{path} is not a regular file"
                raise SecretUnavailable(
                    reference,
                    Problem(
                        code="secret-unreadable", message=message, hint="name a file that holds the secret and nothing else"
                    ),
                )
            raw = opened.read(MAX_SECRET_BYTES + 1)
    except FileNotFoundError as error:
        message = f"there is no file {path}"
        raise SecretUnavailable(
            reference,
            Problem(code="secret-missing", message=message, hint="a relative path starts where the configuration stands"),
        ) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror or error}"
        hint = f"it has to be readable for the daemon's user (uid {os.geteuid()})"
        raise SecretUnavailable(reference, Problem(code="secret-unreadable", message=message, hint=hint)) from error
    if len(raw) > MAX_SECRET_BYTES:
        message = f"{path} is larger than {MAX_SECRET_BYTES} bytes: no secret"
        raise SecretUnavailable(
            reference,
            Problem(code="secret-unreadable", message=message, hint="name a file that holds the secret and nothing else"),
        )
    if is_file and mode & (stat.S_IRGRP | stat.S_IROTH):
        who = "everybody" if mode & stat.S_IROTH else "its group"
        message = f"{path} can be read by {who}"
        problems.append(Problem(code="secret-exposed", message=message, hint=f"chmod 600 {path}", is_warning=True))
    try:
        return raw.decode(), problems
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text"
        raise SecretUnavailable(
            reference, Problem(code="secret-unreadable", message=message, hint="store the secret as text")
        ) from error
