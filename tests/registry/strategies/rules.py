"""Running a kind's rules on documents, the way a write does."""

from __future__ import annotations

import copy
from typing import Any

from podium.models import codec, resources
from podium.registry.strategies import STRATEGIES

REMOVED = object()


def thing(api_version: str, kind: str, name: str = "a", namespace: str = "default", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": namespace}, **rest}


def decoded(tree: dict[str, Any]) -> Any:
    row = resources.by_kind(tree["apiVersion"], tree["kind"])
    assert row is not None
    return codec.from_tree(tree, row.model)


def strategy(tree: dict[str, Any]) -> Any:
    row = resources.by_kind(tree["apiVersion"], tree["kind"])
    assert row is not None
    return STRATEGIES[row.group, row.kind]


def defaulted(tree: dict[str, Any]) -> Any:
    obj = decoded(tree)
    strategy(tree).default(obj)
    return obj


def created(tree: dict[str, Any]) -> Any:
    obj = defaulted(tree)
    strategy(tree).prepare_create(obj)
    return obj


def errors(tree: dict[str, Any]) -> list[str]:
    """What is wrong with a new object."""
    return [str(error) for error in strategy(tree).validate(created(tree))]


def update_errors(tree: dict[str, Any], changed: dict[str, Any]) -> list[str]:
    """What is wrong with replacing an object by a changed one."""
    old, new = created(tree), defaulted(changed)
    strategy(tree).prepare_update(new, old)
    return [str(error) for error in strategy(tree).validate_update(new, old)]


def as_is_errors(tree: dict[str, Any]) -> list[str]:
    """What is wrong with a new object, and with writing it again as it was read."""
    return errors(tree) + update_errors(tree, codec.to_tree(created(tree)))


def warnings(tree: dict[str, Any]) -> list[str]:
    return list(strategy(tree).warnings(created(tree), None))


def changed(tree: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed: changed(pod, "spec.containers.0.image", ""). REMOVED takes it out."""
    result = copy.deepcopy(tree)
    *parents, last = path.split(".")
    at: Any = result
    for name in parents:
        at = at[int(name)] if isinstance(at, list) else at.setdefault(name, {})
    if value is REMOVED:
        del at[last]
    elif isinstance(at, list):
        at[int(last) :] = [value]
    else:
        at[last] = value
    return result
