"""Checks an RSA signature (PKCS #1 v1.5) with the public key of a certificate: what Amazon SNS signs its messages with.

Only public values are handled here, so nothing needs constant time. The certificate's own chain is not looked at: it is fetched
over HTTPS from the signer's own host, and that connection vouches for it (see ``sns``). Must never do: fetch anything.
"""

from __future__ import annotations

import hashlib
import ssl

import msgspec

MAX_CERTIFICATE = 16_384
"""Bytes of a certificate in PEM form."""
_MIN_BITS, _MAX_BITS = 2_048, 8_192
_SEQUENCE, _INTEGER, _BIT_STRING, _OBJECT_IDENTIFIER, _VERSION = 0x30, 0x02, 0x03, 0x06, 0xA0
_RSA_ENCRYPTION = bytes.fromhex("2a864886f70d010101")
# DER of DigestInfo up to the digest itself; RFC 8017, section 9.2, note 1.
_DIGEST_INFO = {
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
}


class BadCertificate(ValueError):
    """Not a certificate with an RSA key that we take."""


class PublicKey(msgspec.Struct, frozen=True):
    """An RSA key."""

    modulus: int
    exponent: int

    def verifies(self, signature: bytes, message: bytes, algorithm: str) -> bool:
        """Whether the holder of the private key signed this message; ``algorithm`` is sha1 or sha256."""
        size = (self.modulus.bit_length() + 7) // 8
        if len(signature) != size:
            return False
        digest = _DIGEST_INFO[algorithm] + hashlib.new(algorithm, message, usedforsecurity=False).digest()
        # The whole block is compared, padding and all: parsing it leniently is how such checks are fooled.
        expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(signature, "big"), self.exponent, self.modulus) == int.from_bytes(expected, "big")


def read_public_key(pem: bytes) -> PublicKey:
    """The key of the first certificate in PEM form; BadCertificate."""
    if len(pem) > MAX_CERTIFICATE:
        raise BadCertificate(f"expected at most {MAX_CERTIFICATE} bytes, found {len(pem)}")
    try:
        der = ssl.PEM_cert_to_DER_cert(pem.decode("ascii").strip())
        return _read(der)
    except (ValueError, IndexError) as error:
        raise BadCertificate(f"not a certificate with an RSA key: {error}") from error


def _read(der: bytes) -> PublicKey:
    certificate = _members(_one(der, _SEQUENCE))
    to_be_signed = _members(_expect(certificate[0], _SEQUENCE))
    # version (optional), serial number, algorithm, issuer, validity, subject, public key
    index = 6 if to_be_signed[0][0] == _VERSION else 5
    algorithm, key = _members(_expect(to_be_signed[index], _SEQUENCE))[:2]
    if _expect(_members(_expect(algorithm, _SEQUENCE))[0], _OBJECT_IDENTIFIER) != _RSA_ENCRYPTION:
        raise BadCertificate("expected an RSA key")
    modulus, exponent = _members(_one(_expect(key, _BIT_STRING)[1:], _SEQUENCE))[:2]
    found = PublicKey(int.from_bytes(_expect(modulus, _INTEGER), "big"), int.from_bytes(_expect(exponent, _INTEGER), "big"))
    if not _MIN_BITS <= found.modulus.bit_length() <= _MAX_BITS or not 3 <= found.exponent < 1 << 32:  # noqa: PLR2004
        raise BadCertificate(f"an RSA key of {found.modulus.bit_length()} bits is not taken")
    return found


def _expect(member: tuple[int, bytes], tag: int) -> bytes:
    if member[0] != tag:
        raise BadCertificate(f"expected the DER tag {tag:#x}, found {member[0]:#x}")
    return member[1]


def _one(data: bytes, tag: int) -> bytes:
    return _expect(_members(data)[0], tag)


def _members(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each DER value in a row."""
    found = []
    place = 0
    while place < len(data):
        tag, size = data[place], data[place + 1]
        place += 2
        if size & 0x80:
            count = size & 0x7F
            size = int.from_bytes(data[place : place + count], "big")
            place += count
        if place + size > len(data):
            raise BadCertificate("it is cut off")
        found.append((tag, data[place : place + size]))
        place += size
    return found
