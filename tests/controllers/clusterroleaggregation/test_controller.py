"""ClusterRoles that consist of others."""

from __future__ import annotations

from podium.controllers.clusterroleaggregation.controller import aggregated
from podium.models import codec, meta_v1, rbac_v1
from tests.controllers.cluster import Cluster, run


def role(name: str, *resources: str, labels: dict[str, str] | None = None) -> rbac_v1.ClusterRole:
    rules = tuple(rbac_v1.PolicyRule(apiGroups=("",), resources=(one,), verbs=("get",)) for one in resources)
    return rbac_v1.ClusterRole(metadata=meta_v1.ObjectMeta(name=name, labels=labels or {}), rules=rules)


def aggregating(name: str, **labels: str) -> rbac_v1.ClusterRole:
    one = role(name, labels=labels)
    one.aggregationRule = rbac_v1.AggregationRule(
        clusterRoleSelectors=(meta_v1.LabelSelector(matchLabels={"to": name}),)
    )
    return one


def resources(rules: tuple[rbac_v1.PolicyRule, ...]) -> list[str]:
    return [rule.resources[0] for rule in rules]


def test_rules_come_in_the_order_of_names_and_once() -> None:
    parts = [
        role("b", "pods", "nodes", labels={"to": "all"}),
        role("a", "pods", labels={"to": "all"}),
        role("c", "secrets", labels={"to": "other"}),
    ]
    assert resources(aggregated(aggregating("all", to="all"), parts)) == ["pods", "nodes"]
    assert resources(aggregated(role("plain", "events"), parts)) == ["events"]


def test_roles_follow_their_parts_and_the_parts_of_these() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(aggregating("upper"))
        await cluster.client.create(aggregating("lower", to="upper"))
        await cluster.client.create(role("part", "pods", labels={"to": "lower"}))
        await cluster.settle()
        for name in ("lower", "upper"):
            found = await cluster.client.get(rbac_v1.ClusterRole, "", name)
            assert resources(found.rules) == ["pods"]
        before = cluster.registry.revision
        await cluster.advance(60)
        assert cluster.registry.revision == before
        part = codec.copy(await cluster.client.get(rbac_v1.ClusterRole, "", "part"))
        part.metadata.labels = {}
        await cluster.client.update(part)
        await cluster.settle()
        assert (await cluster.client.get(rbac_v1.ClusterRole, "", "upper")).rules == ()

    run(body, ("clusterrole-aggregation",))
