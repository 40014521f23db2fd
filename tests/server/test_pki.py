from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from podium.server import pki

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def contents(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_files_are_used_again(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NOW)
    before = contents(tmp_path)
    pki.ensure(tmp_path, NOW + timedelta(days=10))
    assert contents(tmp_path) == before


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NOW)
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_certificates_say_who_they_are(tmp_path: Path) -> None:
    files = pki.ensure(tmp_path, NOW, ["podium.example", "192.0.2.7"])
    server = x509.load_pem_x509_certificate(files.server.certificate.read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "kubernetes.default.svc.cluster.local", "podium.example"} <= set(
        names.get_values_for_type(x509.DNSName)
    )
    addresses = {str(address) for address in names.get_values_for_type(x509.IPAddress)}
    assert addresses == {"127.0.0.1", "::1", "10.96.0.1", "192.0.2.7"}
    admin = x509.load_pem_x509_certificate(files.admin.certificate.read_bytes())
    assert admin.subject.rfc4514_string() == "CN=kubernetes-admin,O=system:masters"
    authority = x509.load_pem_x509_certificate(files.ca.certificate.read_bytes())
    admin.verify_directly_issued_by(authority)


def test_expiring_certificates_are_renewed_and_the_authority_kept(tmp_path: Path) -> None:
    pki.ensure(tmp_path, NOW)
    before = contents(tmp_path)
    pki.ensure(tmp_path, NOW + timedelta(days=350))
    after = contents(tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    issued = ("server", "admin", "front-proxy-client")
    assert changed == {f"{name}.{end}" for name in issued for end in ("crt", "key", "json")}


def test_the_front_proxy_has_an_authority_of_its_own(tmp_path: Path) -> None:
    """Whoever may speak for users isn't just anyone who has a client certificate, nor the other way round."""
    files = pki.ensure(tmp_path, NOW)
    proxy = x509.load_pem_x509_certificate(files.front_proxy.certificate.read_bytes())
    assert proxy.subject.rfc4514_string() == "CN=front-proxy-client"
    proxy.verify_directly_issued_by(x509.load_pem_x509_certificate(files.front_proxy_ca.read_bytes()))
    with pytest.raises(ValueError, match="match"):
        proxy.verify_directly_issued_by(x509.load_pem_x509_certificate(files.ca.certificate.read_bytes()))


@pytest.mark.parametrize("damaged", ["server.crt", "admin.key", "admin.json"])
def test_what_is_damaged_is_made_anew(tmp_path: Path, damaged: str) -> None:
    pki.ensure(tmp_path, NOW)
    (tmp_path / damaged).write_bytes(b"nonsense")
    pki.ensure(tmp_path, NOW)
    assert (tmp_path / damaged).read_bytes() != b"nonsense"


def test_a_new_name_needs_a_new_certificate(tmp_path: Path) -> None:
    first = pki.ensure(tmp_path, NOW).server.certificate.read_bytes()
    assert pki.ensure(tmp_path, NOW, ["podium.example"]).server.certificate.read_bytes() != first


def test_kubeconfig_holds_everything(tmp_path: Path) -> None:
    import base64
    import json

    files = pki.ensure(tmp_path / "pki", NOW)
    target = tmp_path / "kubeconfig"
    pki.write_kubeconfig(target, "https://127.0.0.1:6443", files)
    config = json.loads(target.read_bytes())
    cluster = config["clusters"][0]["cluster"]
    assert cluster["server"] == "https://127.0.0.1:6443"
    assert base64.b64decode(cluster["certificate-authority-data"]) == files.ca.certificate.read_bytes()
    assert base64.b64decode(config["users"][0]["user"]["client-key-data"]) == files.admin.key.read_bytes()
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
