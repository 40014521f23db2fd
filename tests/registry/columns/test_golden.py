"""Tables as kubectl prints them: objects in golden/*.yaml, their rows beside them in golden/*.txt.

PODIUM_REGENERATE=1 writes the rows anew; look at what changed before it is committed.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from podium.models import codec, resources
from podium.registry.columns import COLUMNS

NOW = datetime(2026, 1, 10, 12, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


class _Loader(yaml.CSafeLoader):
    """Times stay text, as they are on the wire."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def rows(documents: list[Any]) -> str:
    """One table for each run of objects of the same kind, all columns shown."""
    blocks: list[str] = []
    kind = None
    table: list[list[str]] = []
    for tree in documents:
        row = resources.by_kind(tree["apiVersion"], tree["kind"])
        assert row is not None
        columns = COLUMNS[row.group, row.kind]
        if kind != (row.group, row.kind):
            blocks += [_aligned(table)] if table else []
            kind, table = (row.group, row.kind), [[one.name.upper() for one in columns.definitions]]
        obj = codec.from_tree(tree, row.model)
        cells = columns.cells(obj, NOW)
        assert len(cells) == len(columns.definitions)
        table.append([str(cell) for cell in cells] + [one["reason"] for one in columns.conditions(obj)])
    return "\n".join([*blocks, _aligned(table)])


def _aligned(table: list[list[str]]) -> str:
    widths = [max(len(line[at]) for line in table if at < len(line)) for at in range(max(map(len, table)))]
    lines = [
        "   ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=False)).rstrip() for line in table
    ]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("case", sorted(path.stem for path in GOLDEN.glob("*.yaml")))
def test_rows(case: str) -> None:
    documents = list(yaml.load_all((GOLDEN / f"{case}.yaml").read_text(), _Loader))
    found, expected = rows(documents), GOLDEN / f"{case}.txt"
    if os.environ.get("PODIUM_REGENERATE"):
        expected.write_text(found)
    assert found == expected.read_text()


@pytest.mark.parametrize("row", resources.BUILT_IN, ids=lambda row: f"{row.api_version}-{row.kind}")
def test_an_empty_object_has_a_cell_for_each_column(row: resources.ResourceType) -> None:
    columns = COLUMNS.get((row.group, row.kind))
    if columns is not None:
        assert len(columns.cells(row.model(), NOW)) == len(columns.definitions)
