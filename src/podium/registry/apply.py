"""Server-side apply: the configuration is merged into the object, which is created if it isn't there (KEP-555)."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import msgspec

from podium.machinery import apply, errors, field, field_schema, field_set, field_values, strict
from podium.machinery.apply import Managed, Manager, Scope
from podium.models import codec
from podium.registry import managed_fields, metadata
from podium.registry.core import Core
from podium.registry.create import create
from podium.registry.parts import Part
from podium.registry.resources import Resource
from podium.registry.types import Entry, Request
from podium.registry.update import replace as replace_object

KUBECTL = "kubectl"
"""The manager that follows on `kubectl apply` without --server-side."""
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MAX_LAST_APPLIED = 256 * 1024


class NotApplicable(errors.StatusError):
    """The configuration is not what the schema says. Kubernetes gives no reason for it."""

    code, reason = 500, ""


@dataclass(frozen=True, slots=True)
class Target:
    namespace: str
    name: str


async def apply_config(core: Core, request: Request, res: Resource, target: Target, config: Any, part: Part) -> Entry:
    """`res` is the row that was asked for, which may be a view; `part` is of the row that is stored."""
    if not request.field_manager:
        wrong = field.required(field.Path("fieldManager"), "is required for apply patch")
        raise errors.Invalid("PatchOptions.meta.k8s.io", "", [wrong])
    request.applies = True
    stored = core.stored(res)
    if part.subresource == "scale":
        config, part = _scaled(stored, config), replace(part, read=None, put=None, check=None)
    model = stored.model if part.subresource == "scale" else res.model
    _check(config, model)
    manager = Manager(request.field_manager, "Apply", part.subresource)
    namespace, name = target.namespace, target.name

    def what() -> Scope:
        return managed_fields.scope(stored, manager, core.now(), model)

    def build(old: Entry) -> Any:
        data = codec.encode(part.read(old.object)) if part.read else old.data
        live = managed_fields.tree_of(data)
        before = managed_fields.read(old.object.metadata.managedFields) or _unfollowed(what(), live, model, core.now())
        new = _applied(request, what(), live, config, before, model)
        metadata.match_url(new.metadata, namespace, name)
        if new.metadata.resourceVersion == str(old.revision):
            new.metadata.resourceVersion = ""
        return new

    if not part.subresource and core.live(stored).get(namespace, name) is None:
        if request.may_create is not None:
            request.may_create()
        new = _applied(request, what(), managed_fields.empty(model), config, {}, model)
        _check_new(stored, new, namespace, name)
        with contextlib.suppress(errors.AlreadyExists):  # someone was quicker: then it is an update
            entry = await create(core, request, stored, namespace, res.view.to_stored(new) if res.view else new)
            request.created = True
            return entry
    return await replace_object(core, request, stored, namespace, name, build, part)


def _scaled(stored: Resource, config: Any) -> Any:
    """A scale as the part of the object that it is."""
    from podium.models.autoscaling_v1 import Scale

    _check(config, Scale)
    try:
        field_values.check(field_schema.of(Scale), config)
    except field_values.SchemaError as error:
        raise _not_applicable(config, error) from None
    spec = config.get("spec") or {}
    return {
        "apiVersion": stored.api_version,
        "kind": stored.kind,
        "metadata": config.get("metadata") or {},
        "spec": {"replicas": spec["replicas"]} if "replicas" in spec else {},
    }


def _check(config: Any, model: type[Any]) -> None:
    if not isinstance(config, dict):
        raise errors.BadRequest("error decoding YAML: the configuration is not an object")
    expected = model()
    version, kind = config.get("apiVersion") or "", config.get("kind") or ""
    if (version, kind) != (expected.apiVersion, expected.kind):
        group, slash, bare = str(version).rpartition("/")
        raise errors.BadRequest(f"invalid object type: {group if slash else ''}/{bare}, Kind={kind}")
    meta = config.get("metadata")
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise errors.BadRequest("metadata.managedFields must be nil")


def _check_new(res: Resource, new: Any, namespace: str, name: str) -> None:
    meta = new.metadata
    if meta.uid:
        why = f"uid mismatch: the provided object specified uid {meta.uid}, and no existing object was found"
        raise errors.Conflict(res.group_resource, name, why)
    metadata.match_url(meta, namespace, name)


def _unfollowed(scope: Scope, live: Any, model: type[Any], now: datetime) -> Managed:
    manager = Manager(
        managed_fields.BEFORE_FIRST_APPLY,
        "Update",
        "" if scope.manager.subresource == "scale" else scope.manager.subresource,
        scope.version,
    )
    return apply.before_first_apply(scope, managed_fields.empty(model), live, manager)


def _applied(request: Request, scope: Scope, live: Any, config: Any, managed: Managed, model: type[Any]) -> Any:
    """The struct that the apply makes, with its managed fields."""
    try:
        tree, after = _forced_where_last_applied(request, scope, live, config, managed)
    except field_values.SchemaError as error:
        raise _not_applicable(config, error) from None
    except apply.Conflicts as conflicts:
        raise apply.ApplyConflict(conflicts) from None
    if scope.manager.name == KUBECTL:
        tree = _remembering(tree, live, config)
    if request.inspect is not None:
        request.inspect(tree)
    new = strict.from_patched(tree, model)
    new.metadata.managedFields = managed_fields.written(after)
    return new


def _not_applicable(config: Any, error: field_values.SchemaError) -> NotApplicable:
    meta = config.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    group, slash, version = str(config["apiVersion"]).rpartition("/")
    named = f"{meta.get('namespace') or ''}/{meta.get('name') or ''}; {group}{slash or '/'}{version}"
    return NotApplicable(f"failed to create typed patch object ({named}, Kind={config['kind']}): {error}")


# --- from `kubectl apply` to `kubectl apply --server-side` ----------------------------------------------------------


def _forced_where_last_applied(
    request: Request, scope: Scope, live: Any, config: Any, managed: Managed
) -> tuple[Any, Managed]:
    """kubectl may change what it has applied itself without --server-side, as its annotation shows."""
    try:
        return apply.applied(scope, live, config, managed, force=request.force)
    except apply.Conflicts as conflicts:
        if scope.manager.name != KUBECTL:
            raise
        allowed = _last_applied_fields(scope, live)
        left = {
            manager: rest
            for manager, fields in conflicts.fields.items()
            if (rest := field_set.difference(fields, allowed))
        }
        if left:
            raise apply.Conflicts(left) from None
    return apply.applied(scope, live, config, managed, force=True)


def _last_applied_fields(scope: Scope, live: Any) -> field_set.FieldSet:
    """What the annotation says and the object still is."""
    text = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    try:
        last = msgspec.json.decode(text or "null")
        if not isinstance(last, dict) or last.get("apiVersion") != scope.version:
            return {}
        field_values.check(scope.node, last)
    except (msgspec.DecodeError, field_values.SchemaError):
        return {}
    fields = field_values.fields_of(scope.node, last)
    changes = field_values.compare(scope.node, last, live)
    for changed in (changes.modified, changes.added, changes.removed):
        fields = field_set.difference(fields, changed)
    return fields


def _remembering(tree: Any, live: Any, config: Any) -> Any:
    """With the annotation brought up to date, if there is one, for whoever applies without --server-side again."""
    if not (live["metadata"].get("annotations") or {}).get(LAST_APPLIED):
        return tree
    meta = dict(config.get("metadata") or {})
    annotations = {key: value for key, value in (meta.get("annotations") or {}).items() if key != LAST_APPLIED}
    meta.pop("annotations", None)
    if annotations:
        meta["annotations"] = annotations
    text = codec.canonical({**config, "metadata": meta}).decode() + "\n"
    kept = {key: value for key, value in (tree["metadata"].get("annotations") or {}).items() if key != LAST_APPLIED}
    if len(text) <= _MAX_LAST_APPLIED:
        kept[LAST_APPLIED] = text
    return {**tree, "metadata": {**tree["metadata"], "annotations": kept}}
