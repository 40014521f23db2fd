"""Who owns what, and what an apply makes of it: the cases of KEP-555 and structured-merge-diff, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from podium.machinery import apply, field_schema
from podium.machinery.apply import Managed, Manager, Scope
from podium.machinery.field_set import FieldSet
from podium.models import apps_v1

NODE = field_schema.of(apps_v1.Deployment)
START = datetime(2026, 1, 1, tzinfo=UTC)


class Object:
    """An object that managers write one after the other."""

    def __init__(self) -> None:
        self.live: Any = {"metadata": {}, "spec": {}}
        self.managed: Managed = {}
        self.now = START

    def scope(self, name: str, operation: str) -> Scope:
        self.now += timedelta(seconds=1)
        version = "apps/v1" if operation == "Update" else ""
        return Scope(NODE, "apps/v1", Manager(name, operation, "", version), self.now)

    def apply(self, name: str, config: Any, force: bool = False) -> None:
        self.live, self.managed = apply.applied(self.scope(name, "Apply"), self.live, config, self.managed, force=force)

    def update(self, name: str, new: Any) -> None:
        new = {"metadata": {}, "spec": {}, **new}
        self.managed = apply.updated(self.scope(name, "Update"), self.live, new, self.managed)
        self.live = new

    def owned(self) -> dict[str, Any]:
        return {f"{manager.name} {manager.operation}": owned.fields for manager, owned in self.managed.items()}


@pytest.fixture
def it() -> Object:
    return Object()


def labels(**values: str) -> Any:
    return {"metadata": {"labels": values}}


def replicas(count: int) -> Any:
    return {"spec": {"replicas": count}}


def test_what_is_no_longer_applied_goes(it: Object) -> None:
    it.apply("a", labels(x="1", y="2"))
    it.apply("a", labels(y="2"))
    assert it.live["metadata"]["labels"] == {"y": "2"}
    assert it.owned() == {"a Apply": {"f:metadata": {"f:labels": {"f:y": {}}}}}


def test_unless_another_applied_it_too(it: Object) -> None:
    it.apply("a", labels(x="1"))
    it.apply("b", labels(x="1"))
    it.apply("a", {})
    assert it.live["metadata"]["labels"] == {"x": "1"}
    it.apply("b", {})
    assert not it.live.get("metadata", {}).get("labels")
    assert it.owned() == {}


def test_unless_an_updater_owns_it(it: Object) -> None:
    it.apply("a", replicas(1))
    it.update("scaler", replicas(3))
    it.apply("a", {"spec": {}})
    assert it.live == {"metadata": {}, "spec": {"replicas": 3}}


def test_what_nobody_applied_stays(it: Object) -> None:
    it.update("u", labels(x="1"))
    it.apply("a", labels(y="2"))
    it.apply("a", {"metadata": {}})
    assert it.live["metadata"]["labels"] == {"x": "1"}


def test_an_update_takes_what_it_changes(it: Object) -> None:
    it.apply("a", replicas(1))
    it.update("scaler", replicas(3))
    assert it.owned() == {"scaler Update": {"f:spec": {"f:replicas": {}}}}


def test_an_update_that_changes_nothing_owns_nothing(it: Object) -> None:
    it.apply("a", replicas(1))
    before = it.managed
    it.update("u", replicas(1))
    assert it.managed is before


def test_a_conflict(it: Object) -> None:
    it.apply("a", replicas(1))
    it.update("scaler", replicas(3))
    with pytest.raises(apply.Conflicts) as caught:
        it.apply("a", replicas(1))
    error = apply.ApplyConflict(caught.value)
    assert error.message == 'Apply failed with 1 conflict: conflict with "scaler" using apps/v1: .spec.replicas'
    assert error.details is not None
    (cause,) = error.details.causes
    assert (cause.reason, cause.message, cause.field) == (
        "FieldManagerConflict",
        'conflict with "scaler" using apps/v1',
        ".spec.replicas",
    )


def test_no_conflict_over_the_same_value(it: Object) -> None:
    it.update("scaler", replicas(3))
    it.apply("a", replicas(3))
    fields: FieldSet = {"f:spec": {"f:replicas": {}}}
    assert it.owned()["a Apply"] == fields
    it.apply("a", replicas(3))


def test_conflicts_are_told_by_manager(it: Object) -> None:
    it.apply("b", labels(x="1", y="1"))
    it.apply("a", replicas(1))
    with pytest.raises(apply.Conflicts) as caught:
        it.apply("c", {"metadata": {"labels": {"x": "2", "y": "2"}}, "spec": {"replicas": 2}})
    assert apply.ApplyConflict(caught.value).message == (
        'Apply failed with 3 conflicts: conflicts with "a":\n- .spec.replicas\n'
        'conflicts with "b":\n- .metadata.labels.x\n- .metadata.labels.y'
    )


def test_force_takes_over(it: Object) -> None:
    it.apply("a", replicas(1))
    it.apply("b", replicas(2), force=True)
    assert it.live["spec"] == {"replicas": 2}
    assert it.owned() == {"b Apply": {"f:spec": {"f:replicas": {}}}}


def test_an_updater_conflicts_with_itself_as_an_applier(it: Object) -> None:
    it.update("a", replicas(1))
    with pytest.raises(apply.Conflicts):
        it.apply("a", replicas(2))


def container(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


def pod(*items: dict[str, Any]) -> Any:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


def test_items_of_two_appliers(it: Object) -> None:
    it.apply("a", pod(container("web", image="w:1")))
    it.apply("b", pod(container("proxy", image="p:1")))
    it.apply("a", pod(container("web", image="w:2")))
    assert it.live["spec"] == pod(container("web", image="w:2"), container("proxy", image="p:1"))["spec"]
    it.apply("b", {"spec": {"template": {}}})
    assert it.live["spec"] == pod(container("web", image="w:2"))["spec"]


def test_an_item_that_another_adds_to_stays_without_what_was_mine(it: Object) -> None:
    it.apply("a", pod(container("web", image="w:1", tty=True)))
    it.apply("b", pod(container("web", workingDir="/")))
    it.apply("a", {"metadata": {}})
    assert it.live["spec"] == pod(container("web", workingDir="/"))["spec"]


def test_ports_without_protocol_are_tcp(it: Object) -> None:
    it.apply("a", pod(container("web", ports=[{"containerPort": 80}])))
    it.update("defaults", pod(container("web", ports=[{"containerPort": 80, "protocol": "TCP"}])))
    it.apply("a", pod(container("web", ports=[{"containerPort": 80, "name": "http"}])))
    (live,) = it.live["spec"]["template"]["spec"]["containers"]
    assert live["ports"] == [{"containerPort": 80, "protocol": "TCP", "name": "http"}]


def test_without_a_schema_what_is_around_stays() -> None:
    """There are no structs then: maps that nobody claims are not taken for what was applied in them."""
    fields: FieldSet = {"f:spec": {"f:size": {}}}
    managed = {Manager(name, "Apply"): apply.Owned(fields, "x/v1") for name in ("a", "b")}
    scope = Scope(field_schema.UNTYPED, "x/v1", Manager("a", "Apply"), START)
    live = {"spec": {"size": 1}}
    merged, after = apply.applied(scope, live, {}, managed, force=False)
    assert merged == live
    assert set(after) == {Manager("b", "Apply")}


def test_a_struct_goes_with_the_last_of_its_fields(it: Object) -> None:
    it.apply("a", {"spec": {"strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}}})
    it.apply("a", {"spec": {"strategy": {"type": "Recreate"}}})
    assert it.live["spec"] == {"strategy": {"type": "Recreate"}}


def test_atomic_lists_have_one_owner(it: Object) -> None:
    it.apply("a", {"spec": {"template": {"spec": {"tolerations": [{"key": "x"}]}}}})
    with pytest.raises(apply.Conflicts) as caught:
        it.apply("b", {"spec": {"template": {"spec": {"tolerations": [{"key": "y"}]}}}})
    assert [path for _, path in caught.value.told()] == [".spec.template.spec.tolerations"]


def test_sets_are_shared(it: Object) -> None:
    it.apply("a", {"metadata": {"finalizers": ["x/a"]}})
    it.apply("b", {"metadata": {"finalizers": ["x/b", "x/a"]}})
    it.apply("a", {"metadata": {}})
    assert it.live["metadata"]["finalizers"] == ["x/b", "x/a"]
    it.apply("b", {"metadata": {"finalizers": ["x/b"]}})
    assert it.live["metadata"]["finalizers"] == ["x/b"]


def test_who_has_nothing_left_is_forgotten(it: Object) -> None:
    it.apply("a", labels(x="1"))
    it.update("u", {"metadata": {}, "spec": {}})
    assert it.managed == {}


def test_an_apply_that_changes_nothing_keeps_its_time(it: Object) -> None:
    it.apply("a", labels(x="1"))
    before = it.managed
    it.apply("a", labels(x="1"))
    assert it.managed == before


def test_other_versions_are_left_alone(it: Object) -> None:
    it.managed = {Manager("old", "Apply"): apply.Owned({"f:spec": {"f:replicas": {}}}, "apps/v1beta1")}
    it.apply("a", replicas(1))
    assert set(it.owned()) == {"old Apply", "a Apply"}
