from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from router.ingest.certificate import BadCertificate, read_public_key
from tests.support.signing import certificate, certify, key, sign

MESSAGE = b"Message\nhello\n"


@pytest.mark.parametrize(("version", "algorithm"), [("1", "sha1"), ("2", "sha256")])
def test_a_genuine_signature_fits(version: str, algorithm: str) -> None:
    public = read_public_key(certificate())
    signature = sign(MESSAGE, version)
    assert public.verifies(signature, MESSAGE, algorithm)
    assert not public.verifies(signature, MESSAGE + b" ", algorithm)
    assert not public.verifies(signature, MESSAGE, "sha1" if algorithm == "sha256" else "sha256")
    assert not public.verifies(signature[:-1], MESSAGE, algorithm)
    assert not public.verifies(bytes(256), MESSAGE, algorithm)


def test_the_key_is_the_certificate_s() -> None:
    numbers = key().public_key().public_numbers()
    public = read_public_key(certificate())
    assert (public.modulus, public.exponent) == (numbers.n, numbers.e)


def test_every_bit_of_the_padding_counts() -> None:
    """A block with the right digest behind less padding is how lenient checks are fooled."""
    public = read_public_key(certificate())
    private = key().private_numbers()
    size = 256
    digest = __import__("hashlib").sha256(MESSAGE).digest()
    info = bytes.fromhex("3031300d060960864801650304020105000420") + digest
    forged = b"\x00\x01" + b"\xff" * 8 + b"\x00" + info
    forged += b"\x00" * (size - len(forged))
    signature = pow(int.from_bytes(forged, "big"), private.d, private.public_numbers.n).to_bytes(size, "big")
    assert not public.verifies(signature, MESSAGE, "sha256")


def pem(der: bytes) -> bytes:
    return b"-----BEGIN CERTIFICATE-----\n" + base64.encodebytes(der) + b"-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"no certificate",
        b"\xff",
        b"x" * 20_000,
        pem(b""),
        pem(b"\x30"),
        pem(b"\x30\x82\xff\xff"),
        pem(b"\x30\x03\x02\x01\x01"),
    ],
)
def test_what_is_no_certificate_is_refused(bad: bytes) -> None:
    with pytest.raises(BadCertificate):
        read_public_key(bad)


def test_a_certificate_cut_anywhere_is_refused() -> None:
    der = base64.b64decode(b"".join(certificate().splitlines()[1:-1]))
    for length in range(0, 600, 7):
        with pytest.raises(BadCertificate):
            read_public_key(pem(der[:length]))


def test_keys_that_are_weak_or_of_another_kind_are_refused() -> None:
    for private in (key(1024), ec.generate_private_key(ec.SECP256R1())):
        with pytest.raises(BadCertificate):
            read_public_key(certify(private))
