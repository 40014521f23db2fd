"""The committed tables fit the models: strategies of patches, numbers of protobuf fields."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from podium.machinery import protobuf
from podium.machinery.protobuf_types import CODECS
from podium.machinery.protobuf_wire import Message, _table, message
from podium.models.resources import BUILT_IN
from podium.models.strategic import STRATEGIES
from podium.models.structure import fields

ROOT = Path(__file__).parents[2]


def struct(name: str) -> type[Any]:
    module, _, cls = name.rpartition(".")
    found: type[Any] = getattr(importlib.import_module(f"podium.models.{module}"), cls)
    return found


def test_strategies_are_of_fields_that_exist() -> None:
    for name, table in STRATEGIES.items():
        known = fields(struct(name))
        for field, (strategies, key) in table.items():
            item = known[field].shape.item
            if "merge" in strategies and key:
                assert item is not None
                assert item.struct is not None
                assert key in fields(item.struct), (name, field, key)


@pytest.mark.parametrize("name", ["generate_strategic.py", "generate_topology.py"])
def test_the_tables_of_merging_are_up_to_date(name: str) -> None:
    script = ROOT / "scripts" / name
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def names(form: Message) -> set[str]:
    """As JSON has them."""
    found: set[str] = set()
    for slot in form.slots:
        found |= names(slot.form) if slot.name == "+" and slot.form is not None else {slot.name}
    return found


def check(name: str, struct_: type[Any], seen: set[str]) -> None:
    if name in seen:
        return
    seen.add(name)
    form = message(name)
    assert form is not None, name
    known = fields(struct_)
    assert names(form) == set(known) - {"kind", "apiVersion"} | names(form) & {"kind", "apiVersion"}, name
    for slot in form.slots:
        inner = known[slot.name].shape.inner if slot.name in known else None
        if inner is not None and inner.struct is not None and slot.type not in CODECS:
            check(slot.type, inner.struct, seen)


def test_every_field_of_every_kind_has_a_number() -> None:
    seen: set[str] = set()
    for row in BUILT_IN:
        group = row.group.partition(".")[0] or "core"
        assert protobuf.message_of(row.api_version, row.kind) is not None
        stored = "metadata" in fields(row.model) and not row.kind.endswith("Review") and row.kind != "Binding"
        assert not stored or protobuf.message_of(row.api_version, f"{row.kind}List") is not None
        check(f"{group}.{row.version}.{row.kind}", row.model, seen)
    assert len(seen) > 300


def test_every_type_in_the_table_is_known() -> None:
    scalars = {"string", "bool", "int32", "int64", "double", "bytes"}
    for name in _table():
        form = message(name)
        assert form is not None
        for slot in form.slots:
            assert slot.type in scalars or slot.type in CODECS or slot.form is not None, (name, slot.name, slot.type)
