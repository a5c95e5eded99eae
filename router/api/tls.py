"""TLS for the TCP sockets: 1.2 or newer, and with a client CA only for those who show its certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import msgspec


class TlsFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM form."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


class TlsFailed(Exception):
    """The files cannot be used; the message says which and why."""


def load_tls(files: TlsFiles) -> ssl.SSLContext:
    """A context from the files as they are now; called again on reload. TlsFailed says what is wrong."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        # A password would be asked for on the terminal: an encrypted key is refused instead.
        context.load_cert_chain(files.certificate, files.key, password=_refuse_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        raise TlsFailed(f"cannot use certificate {files.certificate} with key {files.key}: {error}") from error
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        try:
            context.load_verify_locations(cafile=files.client_ca)
        except (OSError, ssl.SSLError, ValueError) as error:
            raise TlsFailed(f"cannot use client CA {files.client_ca}: {error}") from error
    return context


def _refuse_password() -> str:
    raise ValueError("the key is encrypted; store it without a passphrase, readable by the service only")
