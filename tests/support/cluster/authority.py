"""A certificate authority of one test cluster.

Why: every component and every user of a cluster is a client certificate, and tests invent users.
Must not: be used for anything that outlives the test; its key lies in a folder that is deleted.
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

__all__ = ["Authority", "Pair"]

_VALID = dt.timedelta(days=30)
#: From 3.13 on Python trusts no authority that does not say so.
_MAY_SIGN = x509.KeyUsage(
    key_cert_sign=True,
    crl_sign=True,
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    encipher_only=False,
    decipher_only=False,
)


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into one folder; one that is there already is taken up again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.pair = Pair(folder / "ca.crt", folder / "ca.key")
        if not self.pair.certificate.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            name = _name("knect-test-authority", ())
            builder = _builder(name, name, key.public_key())
            builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
            builder = builder.add_extension(_MAY_SIGN, True)
            identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
            builder = builder.add_extension(identifier, False)
            _write(self.pair, builder.sign(key, hashes.SHA256()), key)
        self._key = serialization.load_pem_private_key(self.pair.key.read_bytes(), None)
        own = x509.load_pem_x509_certificate(self.pair.certificate.read_bytes())
        self._issuer = own.subject
        public: Any = own.public_key()
        self._identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(public)

    def issue(
        self, name: str, *, groups: Sequence[str] = (), hosts: Sequence[str] = (), file: str = ""
    ) -> Pair:
        """Return a certificate for a client and, where `hosts` are given, for a server.

        Kubernetes reads the common name as the user and the organisations as its groups.
        """
        stem = file or name.replace(":", "-").replace("/", "-")
        pair = Pair(self._folder / f"{stem}.crt", self._folder / f"{stem}.key")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _builder(_name(name, groups), self._issuer, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        builder = builder.add_extension(self._identifier, False)
        if hosts:
            names = x509.SubjectAlternativeName([_host(host) for host in hosts])
            builder = builder.add_extension(names, False)
        _write(pair, builder.sign(self._key, hashes.SHA256()), key)  # type: ignore[arg-type]
        return pair

    def key_pair(self, stem: str) -> Pair:
        """Return a bare key pair (`certificate` is the public key), to sign tokens with."""
        pair = Pair(self._folder / f"{stem}.pub", self._folder / f"{stem}.key")
        if not pair.key.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            pair.certificate.write_bytes(
                key.public_key().public_bytes(
                    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
                )
            )
            _write_key(pair.key, key)
        return pair


def _name(common: str, groups: Sequence[str]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _VALID)
    )


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    pair.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_key(pair.key, key)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
