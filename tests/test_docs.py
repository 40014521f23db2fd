"""Docs that can't drift: what they name exists, and what exists they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from podium.cli.main import VERBS
from podium.testing.virtual import VirtualCluster

ROOT = Path(__file__).parent.parent
DOCS = [ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").glob("*.md")
)


def test_every_verb_of_the_command_line_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text()
    missing = [verb for verb in VERBS if not re.search(rf"`{verb}`|podium {verb}|`{verb} ", text) and verb != "demo"]
    assert not missing


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_make_targets_that_are_named_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"`?make ([a-z]+)", page.read_text()))
    assert named - targets - {"them"} == set()


@pytest.mark.parametrize("page", DOCS, ids=lambda path: path.name)
def test_pages_that_are_linked_exist(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_modules_that_the_map_names_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"\(?`?([a-z_]+/[a-z_]+\.py)`?\)?", text))
    missing = [
        name for name in named if not list((ROOT / "src" / "podium").glob(f"**/{name}")) and not (ROOT / name).exists()
    ]
    assert missing == []
    folders = [path.name for path in (ROOT / "src" / "podium").iterdir() if path.is_dir() and path.name[0] not in "_."]
    assert [name for name in folders if f"  {name}/ " not in text] == []


def test_the_readme_s_test_passes(
    podium_cluster: VirtualCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The example of a cluster inside a test, run as it stands there."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert code
    (tmp_path / "deploy.yaml").write_text(
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 3
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec: {containers: [{name: web, image: "web:1"}]}
        """
    )
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(code[1], names)  # the README is ours
    names["test_my_deployment_becomes_ready"](podium_cluster)
