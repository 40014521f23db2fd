"""Describing a kind that has no description of its own: every field, with readable titles."""

from __future__ import annotations

import re
from typing import Any

from podium.cli.describe.text import Tree, head, labels_and_annotations
from podium.cli.session import Session

_HEAD = {"name", "namespace", "labels", "annotations", "managedFields"}


def describe_generic(_session: Session, document: Tree) -> list[str]:
    lines = [*head(document), *labels_and_annotations(document)]
    lines += [f"API Version:\t{document['apiVersion']}", f"Kind:\t{document['kind']}"]
    metadata = {key: value for key, value in document["metadata"].items() if key not in _HEAD}
    lines += _fields({"metadata": metadata}, "")
    rest = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
    return lines + _fields(rest, "")


def _title(field: str) -> str:
    """ "clusterIP" is "Cluster IP", "revisionHistoryLimit" is "Revision History Limit"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|[^A-Za-z0-9]+", field)
    return " ".join(word[:1].upper() + word[1:] for word in words) or field


def _fields(tree: Tree, indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in sorted(tree.items()):
        lines += _field(_title(key), value, indent)
    return lines


def _field(title: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, dict):
        return [f"{indent}{title}:", *_fields(value, indent + "  ")]
    if isinstance(value, list):
        lines = [f"{indent}{title}:"]
        for item in value:
            lines += _fields(item, indent + "  ") if isinstance(item, dict) else [f"{indent}  {item}"]
        return lines
    return [f"{indent}{title}:\t{value}"]
