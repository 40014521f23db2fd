"""Which files and documents -f means."""

from __future__ import annotations

from pathlib import Path

import pytest

from podium.cli import objects
from podium.cli.catalog import Resource
from podium.cli.failure import Failure
from podium.cli.objects import Target
from podium.cli.session import Session

CONFIG_MAPS = Resource("", "v1", "ConfigMap", "configmaps", "configmap", True, ("cm",), (), ())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*filenames: str) -> list[str]:
    return [document["metadata"]["name"] for _, document in objects.documents(filenames, False)]


def test_files_one_by_one_together_and_by_a_pattern(folder: Path) -> None:
    assert names("a.yaml", "b.yaml") == ["a", "b"]
    assert names("b.yaml,a.yaml") == ["b", "a"]
    assert names("*.yaml") == ["a", "b"]
    assert names(str(folder)) == ["a", "b"]
    with pytest.raises(Failure, match=r'error: the path "\*.json" does not exist'):
        names("*.json")
    with pytest.raises(Failure, match=r"error reading \[empty\]: recognized file extensions are \[.json .yaml .yml\]"):
        names("empty")


def test_members_of_a_list_of_any_kind(folder: Path) -> None:
    (folder / "list.yaml").write_text(
        "{apiVersion: v1, kind: ConfigMapList, items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}]}"
    )
    assert names("list.yaml") == ["x"]


class _Catalog:
    def of_document(self, document: objects.Tree, source: str = "") -> Resource:
        if document["kind"] != "ConfigMap":
            raise Failure(f"no matches for kind {document['kind']}")
        return CONFIG_MAPS


def test_what_is_of_no_use_keeps_nobody_from_the_rest(folder: Path) -> None:
    """A file with a custom resource and its definition can be applied: the second time the kind is there."""
    (folder / "a.yaml").write_text("{apiVersion: x/v1, kind: Widget, metadata: {name: w}}")
    (folder / "0.yaml").write_text("a: [")
    session = Session("", "", "", "default", False)
    session.__dict__.update(catalog=_Catalog())
    found = objects.of_files(session, ["."], False)
    assert [type(one) for one in found] == [Failure, Failure, Target]


def test_names_and_selectors_exclude_each_other() -> None:
    session = Session("", "", "", "default", False)
    with pytest.raises(Failure, match="selectors and the all flag cannot be used when passing resource/name"):
        objects.select(session, ["cm/a"], selector="a=b")
    with pytest.raises(Failure, match="when paths, URLs, or stdin is provided as input"):
        objects.select(session, ["cm", "a"], ["x.yaml"])
    with pytest.raises(Failure, match="You must provide one or more resources by argument or filename"):
        objects.select(session, [])
