"""Kubeconfig files: contexts, merging, credentials, and what is wrong with broken ones."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from podium.client.kubeconfig import KubeconfigError, default_paths, load

CONFIG = """
apiVersion: v1
kind: Config
current-context: dev
clusters:
- name: here
  cluster: {server: "https://127.0.0.1:6443", certificate-authority: ca.crt}
- name: there
  cluster: {server: "https://other:6443", insecure-skip-tls-verify: true, tls-server-name: api}
users:
- name: admin
  user: {client-certificate-data: Y2VydA==, client-key-data: a2V5}
- name: robot
  user: {tokenFile: token}
- name: cloud
  user: {exec: {command: login}}
contexts:
- name: dev
  context: {cluster: here, user: admin, namespace: team}
- name: prod
  context: {cluster: there, user: robot}
- name: cloudy
  context: {cluster: there, user: cloud}
- name: broken
  context: {cluster: nowhere, user: admin}
- name: nobody
  context: {cluster: here, user: ghost}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "ca.crt").write_text("CA")
    (tmp_path / "token").write_text("secret\n")
    path = tmp_path / "config"
    path.write_text(CONFIG)
    return path


def test_the_current_context_with_inline_and_file_credentials(config: Path) -> None:
    connection = load([config])
    assert (connection.server, connection.namespace) == ("https://127.0.0.1:6443", "team")
    assert connection.certificate_authority == b"CA"
    assert (connection.client_certificate, connection.client_key) == (b"cert", b"key")
    assert connection.at("https://x").client_key == b"key"
    assert "key" not in repr(connection).replace("client_key", "")


def test_another_context_with_a_token(config: Path) -> None:
    connection = load([config], "prod")
    assert (connection.token, connection.insecure, connection.server_name) == ("secret", True, "api")
    assert not connection.ssl_context().check_hostname


def test_of_several_files_the_first_to_name_something_decides(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    folder.mkdir()
    first = folder / "config"
    data = base64.b64encode(b"OTHER").decode()
    first.write_text(
        f"clusters: [{{name: here, cluster: {{server: 'https://first', certificate-authority-data: {data}}}}}]"
    )
    connection = load([first, tmp_path / "missing", config])
    assert (connection.server, connection.certificate_authority) == ("https://first", b"OTHER")
    assert connection.namespace == "team"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("none", 'context "none" does not exist'),
        ("broken", 'cluster "nowhere" of context "broken" does not exist'),
        ("nobody", 'auth info "ghost" does not exist'),
        ("cloudy", "credentials from a program are not supported"),
    ],
)
def test_what_is_wrong_is_said(config: Path, context: str, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        load([config], context)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no YAML"),
        ("- a", "is no kubeconfig"),
        ("clusters: [1]", "must be a list of named entries"),
        ("{}", "no context is chosen"),
        ("current-context: a\ncontexts: [{name: a, context: {cluster: [1]}}]", "cluster must be a string"),
    ],
)
def test_a_broken_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(KubeconfigError, match=message):
        load([path])


def test_no_file_at_all(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="no kubeconfig at"):
        load([tmp_path / "missing"])


def test_where_to_look() -> None:
    assert default_paths({"KUBECONFIG": "/a:/b"}, Path("/home")) == [Path("/a"), Path("/b")]
    assert default_paths({}, Path("/home")) == [Path("/home/.kube/config")]
