"""A signer of SNS messages of one's own: a throw-away key and certificate, and messages signed with it as Amazon does."""

from __future__ import annotations

import base64
import datetime as dt
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from router.ingest.sns import text_to_sign

CERTIFICATE_URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0123456789abcdef.pem"
SUBSCRIBE_URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:1:t&Token=x"


@cache
def key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def certify(private: Any) -> bytes:
    """A self-signed certificate in PEM form."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(7)
        .not_valid_before(start)
        .not_valid_after(start + dt.timedelta(days=3650))
        .sign(private, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


@cache
def certificate() -> bytes:
    return certify(key())


def sign(text: bytes, version: str = "2") -> bytes:
    algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
    return key().sign(text, padding.PKCS1v15(), algorithm)


def signed(envelope: dict[str, Any], version: str = "2") -> dict[str, Any]:
    """The envelope with a signature that fits."""
    whole = envelope | {"SignatureVersion": version, "SigningCertURL": CERTIFICATE_URL}
    return whole | {"Signature": base64.b64encode(sign(text_to_sign(whole), version)).decode()}


class Fetcher:
    """Answers addresses with the certificate, or an empty page, and remembers what was asked for."""

    def __init__(self, answers: dict[str, bytes] | None = None) -> None:
        self.answers = {CERTIFICATE_URL: certificate(), SUBSCRIBE_URL: b"<ok/>"} if answers is None else answers
        self.asked: list[str] = []

    async def __call__(self, address: str) -> bytes:
        self.asked.append(address)
        if address not in self.answers:
            raise OSError("no route")
        return self.answers[address]
