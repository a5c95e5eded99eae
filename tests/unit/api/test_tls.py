from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from router.api.tls import TlsFailed, TlsFiles, load_tls
from tests.support.certificates import Authority


def test_a_context(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    context = load_tls(TlsFiles(certificate=certificate, key=key))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_NONE
    context = load_tls(TlsFiles(certificate=certificate, key=key, client_ca=authority.path))
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    _, other_key = authority.issue("other")
    _, locked = authority.issue("locked", passphrase=b"secret")
    missing = tmp_path / "missing.pem"
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for files, words in (
        (TlsFiles(certificate=missing, key=key), "missing.pem"),
        (TlsFiles(certificate=garbage, key=key), "garbage.pem"),
        (TlsFiles(certificate=certificate, key=other_key), "other.key"),
        (TlsFiles(certificate=authority.path, key=locked), "locked.key"),
        (TlsFiles(certificate=certificate, key=key, client_ca=missing), "client CA"),
        (TlsFiles(certificate=certificate, key=key, client_ca=garbage), "client CA"),
    ):
        with pytest.raises(TlsFailed, match=words):
            load_tls(files)


def test_an_encrypted_key_is_explained(tmp_path: Path) -> None:
    certificate, key = Authority(tmp_path).issue("server", passphrase=b"secret")
    with pytest.raises(TlsFailed, match="without a passphrase"):
        load_tls(TlsFiles(certificate=certificate, key=key))
