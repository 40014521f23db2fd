"""The cluster's own certificate authority, certificates and keys, kept in one directory.

They are made once and used again on every start; a certificate is made anew when less than a tenth of its life is
left, when it is not from our CA, or when it lacks a name that the server is now asked to answer to. Deciding that for
files that are fine needs only the standard library's ssl module and a small record beside each certificate, because
importing the X.509 code costs more than the rest of the start.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, ExtensionType

SERVER_NAMES = (
    "localhost",
    "127.0.0.1",
    "::1",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "10.96.0.1",
)
FRONT_PROXY = "front-proxy-client"
_CA_LIFE = timedelta(days=3650)
_LIFE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Pki:
    ca: Pair
    server: Pair
    admin: Pair
    service_account_key: Path
    front_proxy_ca: Path
    """The certificate of the authority that vouches only for us, when we speak for users to other API servers."""
    front_proxy: Pair


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a certificate has to say."""

    file: str
    common_name: str
    organization: str = ""
    names: tuple[str, ...] = ()


def ensure(directory: Path, now: datetime, extra_names: Sequence[str] = ()) -> Pki:
    """The files, made where they are missing or no longer good."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    ca = _authority(directory, "ca", "kubernetes", now)
    proxy_ca = _authority(directory, "front-proxy-ca", "front-proxy-ca", now)
    names = tuple(dict.fromkeys((*SERVER_NAMES, *extra_names)))
    service_account_key = directory / "sa.key"
    if not service_account_key.exists():
        _write(service_account_key, _key_bytes(_new_key()))
    return Pki(
        ca=ca,
        server=_issued(directory, ca, _Wanted("server", "kube-apiserver", names=names), now),
        admin=_issued(directory, ca, _Wanted("admin", "kubernetes-admin", "system:masters"), now),
        service_account_key=service_account_key,
        front_proxy_ca=proxy_ca.certificate,
        front_proxy=_issued(directory, proxy_ca, _Wanted("front-proxy-client", FRONT_PROXY), now),
    )


def issue_client(directory: Path, file: str, user: str, group: str, now: datetime) -> Pair:
    """A client certificate for a component, e.g. a node; used again while it is good."""
    return _issued(directory, Pair(directory / "ca.crt", directory / "ca.key"), _Wanted(file, user, group), now)


def write_kubeconfig(path: Path, server: str, pki: Pki, context: str = "podium") -> None:
    """An admin kubeconfig with everything in it, replaced in one step so that no reader sees half of it."""
    user = "kubernetes-admin"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": context,
                "cluster": {"server": server, "certificate-authority-data": _embedded(pki.ca.certificate)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _embedded(pki.admin.certificate),
                    "client-key-data": _embedded(pki.admin.key),
                },
            }
        ],
        "contexts": [{"name": context, "context": {"cluster": context, "user": user}}],
        "current-context": context,
        "preferences": {},
    }
    _write(path, json.dumps(config, indent=2).encode() + b"\n")


def _embedded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def _record(directory: Path, file: str) -> Path:
    return directory / f"{file}.json"


def _good(pair: Pair, record: Path, wanted: dict[str, Any], now: datetime, life: timedelta) -> bool:
    try:
        noted = json.loads(record.read_bytes())
        same = noted["sha256"] == _digest(pair) and all(noted.get(key) == value for key, value in wanted.items())
        return same and datetime.fromisoformat(noted["notAfter"]) - now > life / 10
    except (OSError, ValueError, KeyError):
        return False


def _digest(pair: Pair) -> str:
    return hashlib.sha256(pair.certificate.read_bytes() + pair.key.read_bytes()).hexdigest()


def _note(pair: Pair, record: Path, wanted: dict[str, Any], not_after: datetime) -> None:
    noted = {**wanted, "sha256": _digest(pair), "notAfter": not_after.isoformat()}
    _write(record, json.dumps(noted).encode())


def _issued(directory: Path, ca: Pair, wanted: _Wanted, now: datetime) -> Pair:
    pair = Pair(directory / f"{wanted.file}.crt", directory / f"{wanted.file}.key")
    note = {
        "ca": hashlib.sha256(ca.certificate.read_bytes()).hexdigest(),
        "user": wanted.common_name,
        "group": wanted.organization,
        "names": list(wanted.names),
    }
    if not _good(pair, _record(directory, wanted.file), note, now, _LIFE):
        _make(pair, ca, wanted, now)
        _note(pair, _record(directory, wanted.file), note, now + _LIFE)
    return pair


def _authority(directory: Path, file: str, name: str, now: datetime) -> Pair:
    pair = Pair(directory / f"{file}.crt", directory / f"{file}.key")
    if not _good(pair, _record(directory, file), {}, now, _CA_LIFE):
        _make_authority(pair, name, now)
        _note(pair, _record(directory, file), {}, now + _CA_LIFE)
    return pair


def _make_authority(ca: Pair, name: str, now: datetime) -> None:
    from cryptography import x509

    key = _new_key()
    usage = x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=True,
        crl_sign=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    subject = _name(name, "")
    certificate = _signed(
        key,
        key,
        subject,
        subject,
        now,
        _CA_LIFE,
        [(x509.BasicConstraints(ca=True, path_length=None), True), (usage, True)],
    )
    _store(ca, certificate, key)


def _make(pair: Pair, ca: Pair, wanted: _Wanted, now: datetime) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer = x509.load_pem_x509_certificate(ca.certificate.read_bytes())
    signer = load_pem_private_key(ca.key.read_bytes(), None)
    assert isinstance(signer, EllipticCurvePrivateKey)
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if wanted.names else ExtendedKeyUsageOID.CLIENT_AUTH
    extensions: list[tuple[ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.ExtendedKeyUsage([purpose]), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
    ]
    if wanted.names:
        extensions.append((x509.SubjectAlternativeName([_alternative(name) for name in wanted.names]), False))
    key = _new_key()
    subject = _name(wanted.common_name, wanted.organization)
    _store(pair, _signed(signer, key, issuer.subject, subject, now, _LIFE, extensions), key)


def _signed(
    signer: EllipticCurvePrivateKey,
    key: EllipticCurvePrivateKey,
    issuer: Any,
    subject: Any,
    now: datetime,
    life: timedelta,
    extensions: Sequence[tuple[ExtensionType, bool]],
) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # an hour back, for clients whose clock is a little behind
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(signer, SHA256())


def _name(common_name: str, organization: str) -> Any:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _alternative(name: str) -> Any:
    from cryptography import x509

    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_bytes(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _store(pair: Pair, certificate: Certificate, key: EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding

    _write(pair.key, _key_bytes(key))
    _write(pair.certificate, certificate.public_bytes(Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    """Readable by its owner only from the first byte on, and never half written."""
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
