from __future__ import annotations

import pytest

from podium.machinery.errors import Forbidden, NotFound
from podium.models.meta_v1 import LabelSelector, ObjectMeta
from podium.models.rbac_v1 import (
    AggregationRule,
    ClusterRole,
    ClusterRoleBinding,
    PolicyRule,
    Role,
    RoleBinding,
    RoleRef,
    Subject,
)
from podium.registry import bootstrap_rbac
from podium.registry.types import User
from podium.server.authorization.authorizer import Authorizer
from podium.server.authorization.escalation import check_escalation
from podium.server.authorization.rules import Attributes, compact, described, missing, url_matches

ALICE = User("alice", ("developers", "system:authenticated"))
ROOT = User("root", ("system:masters",))
READ_PODS = PolicyRule(apiGroups=("",), resources=("pods",), verbs=("get", "list"))


def cluster_role(name: str, *rules: PolicyRule, labels: dict[str, str] | None = None) -> ClusterRole:
    return ClusterRole(metadata=ObjectMeta(name=name, labels=labels or {}), rules=rules)


def bound(role: str, *subjects: Subject, namespace: str = "", kind: str = "ClusterRole") -> RoleBinding:
    return RoleBinding(
        metadata=ObjectMeta(name=f"{role}-binding", namespace=namespace),
        roleRef=RoleRef(kind=kind, name=role),
        subjects=subjects,
    )


def bound_everywhere(role: str, *subjects: Subject) -> ClusterRoleBinding:
    return ClusterRoleBinding(
        metadata=ObjectMeta(name=f"{role}-binding"), roleRef=RoleRef(kind="ClusterRole", name=role), subjects=subjects
    )


def with_objects(*objects: Role | ClusterRole | RoleBinding | ClusterRoleBinding) -> Authorizer:
    authorizer = Authorizer()
    for obj in objects:
        authorizer.observe(None, obj)
    return authorizer


USER = Subject(kind="User", name="alice")
GROUP = Subject(kind="Group", name="developers")


def test_nothing_is_allowed_without_a_rule() -> None:
    assert not Authorizer().allowed(ALICE, Attributes("get", "", "pods", namespace="default"))
    assert Authorizer().allowed(ROOT, Attributes("delete", "", "nodes", name="x"))


def test_a_binding_in_a_namespace_counts_there_only() -> None:
    authorizer = with_objects(cluster_role("reader", READ_PODS), bound("reader", GROUP, namespace="default"))
    assert authorizer.allowed(ALICE, Attributes("list", "", "pods", namespace="default"))
    assert not authorizer.allowed(ALICE, Attributes("list", "", "pods", namespace="other"))
    assert not authorizer.allowed(ALICE, Attributes("list", "", "pods"))
    assert not authorizer.allowed(ALICE, Attributes("list", "apps", "pods", namespace="default"))
    assert not authorizer.allowed(ALICE, Attributes("get", "", "pods", "log", "default"))


def test_decisions_follow_changes() -> None:
    role, binding = cluster_role("reader", READ_PODS), bound_everywhere("reader", USER)
    authorizer = with_objects(role, binding)
    asked = Attributes("get", "", "pods", namespace="default", name="web")
    assert authorizer.allowed(ALICE, asked)
    smaller = cluster_role("reader", PolicyRule(apiGroups=("",), resources=("pods",), verbs=("list",)))
    authorizer.observe(role, smaller)
    assert not authorizer.allowed(ALICE, asked)
    authorizer.observe(smaller, role)
    assert authorizer.allowed(ALICE, asked)
    authorizer.observe(binding, None)
    assert not authorizer.allowed(ALICE, asked)


def test_resource_names_are_remembered_apart() -> None:
    one = PolicyRule(apiGroups=("",), resources=("configmaps",), resourceNames=("mine",), verbs=("get",))
    authorizer = with_objects(cluster_role("one", one), bound_everywhere("one", USER))
    assert authorizer.allowed(ALICE, Attributes("get", "", "configmaps", "", "default", "mine"))
    assert not authorizer.allowed(ALICE, Attributes("get", "", "configmaps", "", "default", "other"))
    assert not authorizer.allowed(ALICE, Attributes("get", "", "configmaps", "", "default"))


def test_subresources_and_wildcards() -> None:
    rule = PolicyRule(apiGroups=("*",), resources=("*/scale",), verbs=("*",))
    authorizer = with_objects(cluster_role("scaler", rule), bound_everywhere("scaler", USER))
    assert authorizer.allowed(ALICE, Attributes("patch", "apps", "deployments", "scale", "default", "web"))
    assert not authorizer.allowed(ALICE, Attributes("patch", "apps", "deployments", "", "default", "web"))


def test_service_accounts_default_to_the_bindings_namespace() -> None:
    account = User(
        "system:serviceaccount:default:builder", ("system:serviceaccounts", "system:serviceaccounts:default")
    )
    authorizer = with_objects(
        cluster_role("reader", READ_PODS),
        bound("reader", Subject(kind="ServiceAccount", name="builder"), namespace="default"),
    )
    assert authorizer.allowed(account, Attributes("get", "", "pods", namespace="default"))


def test_paths() -> None:
    rule = PolicyRule(nonResourceURLs=("/healthz/*", "/version"), verbs=("get",))
    authorizer = with_objects(cluster_role("viewer", rule), bound_everywhere("viewer", USER))
    assert authorizer.allowed(ALICE, Attributes("get", path="/healthz/etcd"))
    assert authorizer.allowed(ALICE, Attributes("get", path="/version"))
    assert not authorizer.allowed(ALICE, Attributes("get", path="/metrics"))
    assert url_matches("*", "/anything")


def test_aggregated_roles() -> None:
    total = ClusterRole(
        metadata=ObjectMeta(name="total", labels={"to": "more"}),
        aggregationRule=AggregationRule(clusterRoleSelectors=(LabelSelector(matchLabels={"to": "total"}),)),
    )
    more = ClusterRole(
        metadata=ObjectMeta(name="more", labels={"to": "total"}),
        aggregationRule=AggregationRule(clusterRoleSelectors=(LabelSelector(matchLabels={"to": "more"}),)),
    )
    part = cluster_role("part", READ_PODS, labels={"to": "more"})
    authorizer = with_objects(total, more, part, bound_everywhere("total", USER))
    assert authorizer.allowed(ALICE, Attributes("get", "", "pods", namespace="default"))


def test_the_refusal_is_worded_as_kubernetes_words_it() -> None:
    authorizer = Authorizer()
    with pytest.raises(Forbidden) as refused:
        authorizer.require(ALICE, Attributes("list", "", "pods", namespace="default"))
    assert refused.value.message == (
        'pods is forbidden: User "alice" cannot list resource "pods" in API group "" in the namespace "default"'
    )
    with pytest.raises(Forbidden) as refused:
        authorizer.require(ALICE, Attributes("get", "apps", "deployments", "scale", "default", "web"))
    assert refused.value.message == (
        'deployments.apps "web" is forbidden: User "alice" cannot get resource "deployments/scale" in API group "apps" '
        'in the namespace "default"'
    )
    with pytest.raises(Forbidden) as refused:
        authorizer.require(ALICE, Attributes("list", "", "nodes"))
    assert refused.value.message.endswith('cannot list resource "nodes" in API group "" at the cluster scope')
    with pytest.raises(Forbidden) as refused:
        authorizer.require(ALICE, Attributes("get", path="/metrics"))
    assert refused.value.message == 'forbidden: User "alice" cannot get path "/metrics"'


def test_a_missing_role_is_named() -> None:
    authorizer = with_objects(bound_everywhere("gone", USER))
    decision = authorizer.decide(ALICE, Attributes("get", "", "pods", namespace="default"))
    assert decision.reason == 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found'


def test_the_reason_of_a_permission() -> None:
    authorizer = with_objects(cluster_role("reader", READ_PODS), bound("reader", GROUP, namespace="default"))
    decision = authorizer.decide(ALICE, Attributes("get", "", "pods", namespace="default"))
    assert decision.allowed
    assert decision.reason == (
        'RBAC: allowed by RoleBinding "reader-binding/default" of ClusterRole "reader" to Group "developers"'
    )


def test_bootstrap_roles() -> None:
    authorizer = Authorizer()
    for obj in bootstrap_rbac.objects():
        authorizer.observe(None, obj)
    anonymous = User("system:anonymous", ("system:unauthenticated",))
    assert authorizer.allowed(anonymous, Attributes("get", path="/readyz"))
    assert not authorizer.allowed(anonymous, Attributes("get", path="/api"))
    assert authorizer.allowed(ALICE, Attributes("get", path="/apis/apps/v1"))
    node = User("system:node:node-1", ("system:nodes", "system:authenticated"))
    assert authorizer.allowed(node, Attributes("patch", "", "nodes", "status", name="node-1"))
    for namespace, role in (("view-only", "view"), ("mine", "admin")):
        authorizer.observe(None, bound(role, USER, namespace=namespace))
    assert authorizer.allowed(ALICE, Attributes("list", "apps", "deployments", namespace="view-only"))
    assert not authorizer.allowed(ALICE, Attributes("get", "", "secrets", namespace="view-only"))
    assert authorizer.allowed(ALICE, Attributes("create", "rbac.authorization.k8s.io", "roles", namespace="mine"))
    assert authorizer.allowed(ALICE, Attributes("delete", "", "pods", namespace="mine"))
    names = [obj.metadata.name for obj in bootstrap_rbac.cluster_roles()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("controller", "may", "may_not"),
    [
        ("cronjob-controller", "create batch/jobs", "create core/pods"),
        ("job-controller", "patch core/pods", "delete batch/jobs"),
        ("ttl-after-finished-controller", "delete batch/jobs", "create batch/jobs"),
        ("statefulset-controller", "create core/persistentvolumeclaims", "create core/persistentvolumes"),
        ("daemon-set-controller", "create apps/controllerrevisions", "update core/nodes"),
        ("horizontal-pod-autoscaler", "update apps/deployments/scale", "update apps/deployments"),
        ("generic-garbage-collector", "delete apps/deployments", "create apps/deployments"),
    ],
)
def test_bootstrap_roles_of_controllers(controller: str, may: str, may_not: str) -> None:
    authorizer = with_objects(*bootstrap_rbac.objects())
    user = User(f"system:serviceaccount:kube-system:{controller}", ("system:authenticated",))

    def is_allowed(text: str) -> bool:
        verb, _, rest = text.partition(" ")
        group, resource, subresource = f"{rest}/".split("/")[:3]
        group = "" if group == "core" else group
        return authorizer.allowed(user, Attributes(verb, group, resource, subresource, namespace="default"))

    assert is_allowed(may)
    assert not is_allowed(may_not)


def test_coverage() -> None:
    held = [PolicyRule(apiGroups=("",), resources=("pods",), verbs=("get", "list", "watch"))]
    assert missing(held, [READ_PODS]) == []
    wanted = PolicyRule(apiGroups=("",), resources=("pods", "secrets"), verbs=("get",))
    lacking = missing(held, [wanted])
    assert [described(rule) for rule in compact(lacking)] == ['{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}']
    named = PolicyRule(apiGroups=("",), resources=("pods",), resourceNames=("a",), verbs=("get",))
    assert missing(held, [named]) == []
    assert missing([named], [READ_PODS]) != []


def test_nobody_grants_more_than_they_hold() -> None:
    authorizer = with_objects(cluster_role("reader", READ_PODS), bound_everywhere("reader", USER))
    check_escalation(authorizer, ALICE, cluster_role("same", READ_PODS), None)
    wider = cluster_role("wider", PolicyRule(apiGroups=("",), resources=("pods",), verbs=("delete",)))
    with pytest.raises(Forbidden) as refused:
        check_escalation(authorizer, ALICE, wider, None)
    assert refused.value.message == (
        'clusterroles.rbac.authorization.k8s.io "wider" is forbidden: user "alice" '
        '(groups=["developers" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n'
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}'
    )
    check_escalation(authorizer, ROOT, wider, None)
    check_escalation(authorizer, ALICE, wider, wider)


def test_a_role_is_held_to_what_it_says_whatever_changes_in_it() -> None:
    """By its labels it becomes part of others, which people may have who don't have this one."""
    authorizer = with_objects(cluster_role("reader", READ_PODS), bound_everywhere("reader", USER))
    rule = PolicyRule(apiGroups=("*",), resources=("*",), verbs=("*",))
    old = cluster_role("admin", rule)
    labelled = cluster_role("admin", rule, labels={"aggregate-to-reader": "true"})
    with pytest.raises(Forbidden, match="is attempting to grant RBAC permissions not currently held"):
        check_escalation(authorizer, ALICE, labelled, old)
    check_escalation(authorizer, ROOT, labelled, old)
    held = cluster_role("held", rule)
    held.metadata.finalizers = ("example.com/hold",)
    check_escalation(authorizer, ALICE, held, cluster_role("held", rule))


def test_a_binding_is_held_to_its_role_whatever_changes_in_it() -> None:
    authorizer = with_objects(cluster_role("deleter", PolicyRule(apiGroups=("",), resources=("*",), verbs=("delete",))))
    old, new = (bound("deleter", USER, namespace="default") for _ in range(2))
    check_escalation(authorizer, ALICE, new, old)
    new.metadata.annotations = {"changed": "true"}
    with pytest.raises(Forbidden):
        check_escalation(authorizer, ALICE, new, old)


def test_only_who_may_everything_gathers_the_rules_of_others() -> None:
    """What matches the selectors later may say anything."""
    everything = (
        PolicyRule(apiGroups=("*",), resources=("*",), verbs=("*",)),
        PolicyRule(nonResourceURLs=("*",), verbs=("*",)),
    )
    authorizer = with_objects(cluster_role("reader", READ_PODS), bound_everywhere("reader", USER))
    gathering = cluster_role("gathering")
    gathering.aggregationRule = AggregationRule(clusterRoleSelectors=(LabelSelector(matchLabels={"a": "b"}),))
    for new, old in ((gathering, None), (cluster_role("gathering"), gathering)):
        with pytest.raises(Forbidden) as refused:
            check_escalation(authorizer, ALICE, new, old)
        assert refused.value.message == (
            'clusterroles.rbac.authorization.k8s.io "gathering" is forbidden: '
            "must have cluster-admin privileges to use the aggregationRule"
        )
    authorizer.observe(None, cluster_role("all", *everything))
    authorizer.observe(None, bound_everywhere("all", USER))
    check_escalation(authorizer, ALICE, gathering, None)


def test_binding_needs_the_role_or_the_right_to_bind() -> None:
    deleter = cluster_role("deleter", PolicyRule(apiGroups=("",), resources=("pods",), verbs=("delete",)))
    authorizer = with_objects(deleter)
    binding = bound("deleter", USER, namespace="default")
    with pytest.raises(Forbidden):
        check_escalation(authorizer, ALICE, binding, None)
    with pytest.raises(NotFound):
        check_escalation(authorizer, ALICE, bound("gone", USER, namespace="default"), None)
    may_bind = PolicyRule(
        apiGroups=("rbac.authorization.k8s.io",),
        resources=("clusterroles",),
        resourceNames=("deleter",),
        verbs=("bind",),
    )
    authorizer.observe(None, cluster_role("binder", may_bind))
    authorizer.observe(None, bound_everywhere("binder", USER))
    check_escalation(authorizer, ALICE, binding, None)
