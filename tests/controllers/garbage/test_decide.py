"""What becomes of an object, by how its owners stand."""

from __future__ import annotations

import pytest

from podium.controllers.garbage.decide import FOREGROUND, KEEP, ORPHAN, Plan, Standing, blocks, decide
from podium.models import meta_v1
from tests.controllers.build import NOW

SOLID, GONE, WAITING = Standing.SOLID, Standing.GONE, Standing.WAITING


def metadata(*finalizers: str, deleting: bool = False) -> meta_v1.ObjectMeta:
    return meta_v1.ObjectMeta(name="a", finalizers=finalizers, deletionTimestamp=NOW if deleting else None)


CHILD = metadata()
WAITING_CHILD = metadata(FOREGROUND, deleting=True)


@pytest.mark.parametrize(
    ("obj", "standings", "dependents", "expected"),
    [
        pytest.param(metadata(), {}, [], KEEP, id="nobody's"),
        pytest.param(metadata(), {"a": SOLID}, [], KEEP, id="owned"),
        pytest.param(metadata(), {"a": GONE}, [], Plan("Background"), id="lost its owner"),
        pytest.param(metadata(), {"a": GONE, "b": GONE}, [], Plan("Background"), id="lost all owners"),
        pytest.param(metadata(), {"a": SOLID, "b": GONE}, [], Plan(drop=frozenset("b")), id="lost one of two"),
        pytest.param(metadata(), {"a": SOLID, "b": WAITING}, [], Plan(drop=frozenset("b")), id="one waits in vain"),
        pytest.param(metadata(), {"a": WAITING}, [], Plan("Background"), id="waited for"),
        pytest.param(metadata(), {"a": WAITING}, [CHILD], Plan("Foreground"), id="waited for, with dependents"),
        pytest.param(metadata(), {"a": WAITING}, [WAITING_CHILD], Plan("Foreground", unblock=True), id="a circle"),
        pytest.param(metadata(ORPHAN), {"a": GONE}, [], Plan("Orphan"), id="would orphan"),
        pytest.param(metadata(FOREGROUND), {"a": GONE}, [], Plan("Foreground"), id="would wait"),
        pytest.param(metadata(deleting=True), {"a": GONE}, [], KEEP, id="going already"),
    ],
)
def test_decide(
    obj: meta_v1.ObjectMeta, standings: dict[str, Standing], dependents: list[meta_v1.ObjectMeta], expected: Plan
) -> None:
    assert decide(obj, standings, dependents) == expected


@pytest.mark.parametrize(("uid", "block", "expected"), [("a", True, True), ("a", None, False), ("b", True, False)])
def test_blocks(uid: str, block: bool | None, expected: bool) -> None:
    reference = meta_v1.OwnerReference(kind="Pod", apiVersion="v1", name="x", uid="a", blockOwnerDeletion=block)
    assert blocks(meta_v1.ObjectMeta(ownerReferences=(reference,)), uid) is expected
