"""Kubeconfig files: which server to talk to, as whom, in which namespace.

Several files are merged as kubectl does it: the first file that names something decides. Paths in a file are relative
to that file. Credentials that a program has to fetch (`exec`) are not supported.
"""

from __future__ import annotations

import base64
import binascii
import os
import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml


class KubeconfigError(Exception):
    """A kubeconfig that can't be used, and why."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Where the API server is and who we are to it. PEM data is held as bytes, whether it came inline or as a file."""

    server: str
    namespace: str = ""
    token: str = field(default="", repr=False)
    certificate_authority: bytes = b""
    client_certificate: bytes = b""
    client_key: bytes = field(default=b"", repr=False)
    insecure: bool = False
    server_name: str = ""
    """The name that the server's certificate must carry, when it isn't the host of `server`."""

    def at(self, server: str) -> Connection:
        """The same credentials at another address."""
        return replace(self, server=server)

    def ssl_context(self) -> ssl.SSLContext:
        """How to check the server's certificate and show ours."""
        context = ssl.create_default_context(cadata=self.certificate_authority.decode() or None)
        if self.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.client_certificate:
            _load_certificate(context, self.client_certificate + b"\n" + self.client_key)
        return context


def _load_certificate(context: ssl.SSLContext, pem: bytes) -> None:
    """The standard library reads certificates from files only: lend it one that nobody else can read."""
    descriptor, path = tempfile.mkstemp(prefix="podium-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
        context.load_cert_chain(path)
    finally:
        os.unlink(path)


def default_paths(environment: Mapping[str, str], home: Path) -> list[Path]:
    """Where kubectl looks: the files of $KUBECONFIG, else ~/.kube/config."""
    paths = [Path(path) for path in environment.get("KUBECONFIG", "").split(os.pathsep) if path]
    return paths or [home / ".kube" / "config"]


def load(paths: Sequence[Path], context: str = "") -> Connection:
    """The connection of a context, or of the current one. Of several files some may be missing, but not all."""
    config = _merged(paths)
    name = context or config.current
    if not name:
        raise KubeconfigError("no context is chosen: set current-context, or name one")
    chosen = config.contexts.get(name)
    if chosen is None:
        raise KubeconfigError(f'context "{name}" does not exist')
    cluster = config.clusters.get(chosen.text("cluster"))
    if cluster is None:
        raise KubeconfigError(f'cluster "{chosen.text("cluster")}" of context "{name}" does not exist')
    user = config.users.get(chosen.text("user"), _Section({}, Path()))
    if chosen.text("user") and chosen.text("user") not in config.users:
        raise KubeconfigError(f'auth info "{chosen.text("user")}" does not exist')
    if "exec" in user.values or "auth-provider" in user.values:
        raise KubeconfigError(f'user "{chosen.text("user")}": credentials from a program are not supported')
    return Connection(
        server=cluster.text("server") or "http://localhost:8080",
        namespace=chosen.text("namespace"),
        token=user.text("token") or user.file("tokenFile").decode().strip(),
        certificate_authority=cluster.pem("certificate-authority"),
        client_certificate=user.pem("client-certificate"),
        client_key=user.pem("client-key"),
        insecure=cluster.values.get("insecure-skip-tls-verify") is True,
        server_name=cluster.text("tls-server-name"),
    )


@dataclass(frozen=True, slots=True)
class _Section:
    """The values of one cluster, user or context, and the folder that its paths are relative to."""

    values: Mapping[str, Any]
    folder: Path

    def text(self, key: str) -> str:
        value = self.values.get(key) or ""
        if not isinstance(value, str):
            raise KubeconfigError(f"{key} must be a string")
        return value

    def file(self, key: str) -> bytes:
        if not (path := self.text(key)):
            return b""
        try:
            return (self.folder / path).read_bytes()
        except OSError as error:
            raise KubeconfigError(f"unable to read {key} {path}: {error.strerror}") from error

    def pem(self, key: str) -> bytes:
        """Inline data goes before the file of the same name."""
        if data := self.text(f"{key}-data"):
            try:
                return base64.b64decode(data, validate=True)
            except binascii.Error as error:
                raise KubeconfigError(f"{key}-data is not base64: {error}") from error
        return self.file(key)


@dataclass(slots=True)
class _Merged:
    current: str = ""
    clusters: dict[str, _Section] = field(default_factory=dict)
    users: dict[str, _Section] = field(default_factory=dict)
    contexts: dict[str, _Section] = field(default_factory=dict)


def _merged(paths: Sequence[Path]) -> _Merged:
    merged = _Merged()
    found = False
    for path in paths:
        if not path.exists():
            continue
        found = True
        document = _read(path)
        merged.current = merged.current or str(document.get("current-context") or "")
        for plural, singular, sections in (
            ("clusters", "cluster", merged.clusters),
            ("users", "user", merged.users),
            ("contexts", "context", merged.contexts),
        ):
            for item in document.get(plural) or ():
                if not isinstance(item, Mapping) or not isinstance(item.get(singular) or {}, Mapping):
                    raise KubeconfigError(f"{path}: {plural} must be a list of named entries")
                sections.setdefault(str(item.get("name", "")), _Section(item.get(singular) or {}, path.parent))
    if not found:
        raise KubeconfigError(f"no kubeconfig at {', '.join(map(str, paths))}")
    return merged


def _read(path: Path) -> Mapping[str, Any]:
    try:
        document = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - is safe
    except OSError as error:
        raise KubeconfigError(f"unable to read {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise KubeconfigError(f"{path} is no YAML: {error}") from error
    if not isinstance(document or {}, Mapping):
        raise KubeconfigError(f"{path} is no kubeconfig")
    return document or {}
