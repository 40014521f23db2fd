"""Default roles and bindings at a later start: what they lack is added, what somebody added stays."""

from __future__ import annotations

import logging
from random import Random
from typing import Any

import pytest

from podium.models import rbac_v1
from podium.models.meta_v1 import LabelSelector
from podium.models.rbac_v1 import PolicyRule
from podium.registry import bootstrap_rbac
from podium.registry.bootstrap_rbac_reconcile import AUTOUPDATE, missing
from podium.registry.registry import Registry
from tests.registry.world import World, changed

Role, Binding = rbac_v1.ClusterRole, rbac_v1.ClusterRoleBinding


def start_again(world: World) -> None:
    world.run(world.registry.stop())
    world.registry = Registry(world.store, world.clock, Random(8))
    world.run(world.registry.start())


@pytest.fixture
def started(world: World) -> World:
    start_again(world)
    return world


def rule(groups: str, resources: str, verbs: str, names: str = "") -> PolicyRule:
    return PolicyRule(
        apiGroups=tuple("" if group == "core" else group for group in groups.split()),
        resources=tuple(resources.split()),
        resourceNames=tuple(names.split()),
        verbs=tuple(verbs.split()),
    )


def url(paths: str, verbs: str = "get") -> PolicyRule:
    return PolicyRule(nonResourceURLs=tuple(paths.split()), verbs=tuple(verbs.split()))


@pytest.mark.parametrize(
    ("held", "wanted", "lacking"),
    [
        ([rule("core", "pods", "get")], [rule("core", "pods", "get")], []),
        ([rule("core", "pods", "get list")], [rule("core", "pods", "list")], []),
        ([rule("core", "pods", "get")], [rule("core", "pods", "get list watch")], [rule("core", "pods", "list watch")]),
        ([rule("*", "*", "*")], [rule("apps", "deployments/scale", "get")], []),
        ([rule("core", "*/scale", "get")], [rule("core", "a/scale b", "get")], [rule("core", "b", "get")]),
        ([rule("core", "secrets", "get", "a")], [rule("core", "secrets", "get")], [rule("core", "secrets", "get")]),
        (
            [rule("core", "secrets", "get", "a")],
            [rule("core", "secrets", "get", "a b")],
            [rule("core", "secrets", "get", "b")],
        ),
        ([rule("core", "secrets", "get")], [rule("core", "secrets", "get", "a")], []),
        ([url("/healthz")], [url("/healthz /livez")], [url("/livez")]),
        ([rule("*", "*", "*")], [url("/healthz")], [url("/healthz")]),
        ([url("*", "*")], [rule("core", "pods", "get")], [rule("core", "pods", "get")]),
    ],
)
def test_missing(held: list[PolicyRule], wanted: list[PolicyRule], lacking: list[PolicyRule]) -> None:
    assert missing(held, wanted) == lacking


class TestRoles:
    def test_get_back_rules_and_keep_those_they_were_given(self, started: World) -> None:
        role = started.get(Role, "system:kube-dns")
        given = rule("core", "configmaps", "get")
        started.update(changed(role, rules=(given, rule("core", "services", "list watch"))))
        start_again(started)
        back = rule("core", "endpoints", "list watch")
        assert started.get(Role, "system:kube-dns").rules == (given, rule("core", "services", "list watch"), back)

    def test_get_back_labels_and_annotations(self, started: World) -> None:
        role = started.get(Role, "view")
        started.update(changed(role, metadata__labels={"mine": "1"}, metadata__annotations={}))
        start_again(started)
        assert started.get(Role, "view").metadata.labels == {**role.metadata.labels, "mine": "1"}
        assert started.get(Role, "view").metadata.annotations == role.metadata.annotations

    def test_that_are_not_to_be_updated_are_left_alone(self, started: World, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        role = started.get(Role, "system:discovery")
        mine = started.update(changed(role, rules=(), metadata__annotations={AUTOUPDATE: "false"}))
        start_again(started)
        assert started.get(Role, "system:discovery") == mine
        assert "ClusterRole system:discovery lacks what it has by default" in caplog.text

    def test_gathered_ones_get_back_what_they_gather_by(self, started: World) -> None:
        view = started.get(Role, "view")
        mine = LabelSelector(matchLabels={"mine": "1"})
        started.update(changed(view, rules=(), aggregationRule=rbac_v1.AggregationRule(clusterRoleSelectors=(mine,))))
        start_again(started)
        found = started.get(Role, "view")
        assert found.aggregationRule.clusterRoleSelectors == (mine, *view.aggregationRule.clusterRoleSelectors)
        assert found.rules == ()  # these are the controller's to gather

    def test_are_changed_only_if_they_lack_something(self, started: World) -> None:
        revision = started.registry.revision
        start_again(started)
        assert started.registry.revision == revision


class TestBindings:
    def test_get_back_subjects_and_keep_those_they_were_given(self, started: World) -> None:
        mine = rbac_v1.Subject(kind="User", apiGroup="rbac.authorization.k8s.io", name="alice")
        binding = started.get(Binding, "cluster-admin")
        started.update(changed(binding, subjects=(mine,)))
        start_again(started)
        assert started.get(Binding, "cluster-admin").subjects == (mine, *binding.subjects)

    def test_of_another_role_are_made_again(self, started: World) -> None:
        binding = started.get(Binding, "system:discovery")
        started.delete(Binding, "system:discovery")
        other = Binding(
            metadata=type(binding.metadata)(name="system:discovery"),
            roleRef=rbac_v1.RoleRef(kind="ClusterRole", apiGroup="rbac.authorization.k8s.io", name="view"),
            subjects=binding.subjects,
        )
        started.create(other)
        start_again(started)
        assert started.get(Binding, "system:discovery").roleRef == binding.roleRef

    def test_of_another_role_that_are_not_to_be_updated_are_left_alone(self, started: World) -> None:
        binding = started.get(Binding, "system:discovery")
        started.delete(Binding, "system:discovery")
        other = Binding(
            metadata=type(binding.metadata)(name="system:discovery", annotations={AUTOUPDATE: "false"}),
            roleRef=rbac_v1.RoleRef(kind="ClusterRole", apiGroup="rbac.authorization.k8s.io", name="view"),
        )
        started.create(other)
        start_again(started)
        assert started.get(Binding, "system:discovery").roleRef.name == "view"

    def test_in_a_namespace(self, started: World) -> None:
        name = "system::leader-locking-kube-controller-manager"
        binding = started.get(rbac_v1.RoleBinding, name, "kube-system")
        started.update(changed(binding, subjects=binding.subjects[1:]))
        start_again(started)
        found = started.get(rbac_v1.RoleBinding, name, "kube-system")
        assert set(map(str, found.subjects)) == set(map(str, binding.subjects))


def test_what_kubernetes_has_for_certificates_and_leaders() -> None:
    found: dict[str, Any] = {obj.metadata.name: obj for obj in bootstrap_rbac.objects() if not hasattr(obj, "roleRef")}
    for signer in ("kube-apiserver-client", "kube-apiserver-client-kubelet", "kubelet-serving", "legacy-unknown"):
        role = found[f"system:certificates.k8s.io:{signer}-approver"]
        assert role.rules == (rule("certificates.k8s.io", "signers", "approve", f"kubernetes.io/{signer}"),)
    for kind in ("nodeclient", "selfnodeclient"):
        role = found[f"system:certificates.k8s.io:certificatesigningrequests:{kind}"]
        assert role.rules == (rule("certificates.k8s.io", f"certificatesigningrequests/{kind}", "create"),)
    assert found["system:kube-aggregator"].rules == (rule("core", "endpoints services", "get list watch"),)
    for component in ("kube-controller-manager", "kube-scheduler"):
        role = found[f"system::leader-locking-{component}"]
        assert role.metadata.namespace == "kube-system"
        verbs = "create get list update watch"
        assert role.rules == (rule("coordination.k8s.io", "leasecandidates leases", verbs),)
