"""Each filter by its table: this Pod, this cluster, these refusals."""

from __future__ import annotations

from typing import Any

import pytest

from ..build import cluster, node, placed_on, pod, refused

SELECTOR = "node(s) didn't match Pod's node affinity/selector"
TAINTED = "node(s) had untolerated taint(s)"
SKEWED = "node(s) didn't match pod topology spread constraints"


def affinity(**required: Any) -> dict[str, Any]:
    return {
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [required]}}
        }
    }


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator, "values": list(values)}


def test_a_cordoned_node_is_refused_unless_just_that_is_tolerated() -> None:
    cache = cluster(node("a", unschedulable=True))
    assert refused(cache, pod()) == "1 node(s) were unschedulable"
    tolerant = {"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}]}
    assert placed_on(cache, pod(spec=tolerant)) == "a"


@pytest.mark.parametrize(
    ("taint", "toleration", "fits"),
    [
        ("k=v:NoSchedule", None, False),
        ("k=v:NoExecute", None, False),
        ("k=v:PreferNoSchedule", None, True),
        ("k=v:NoSchedule", {"key": "k", "operator": "Equal", "value": "v", "effect": "NoSchedule"}, True),
        ("k=v:NoSchedule", {"key": "k", "value": "v"}, True),
        ("k=v:NoSchedule", {"key": "k", "value": "other"}, False),
        ("k=v:NoSchedule", {"key": "k", "operator": "Exists"}, True),
        ("k=v:NoSchedule", {"operator": "Exists"}, True),
        ("k=v:NoSchedule", {"key": "k", "operator": "Exists", "effect": "NoExecute"}, False),
        ("k:NoSchedule", {"key": "k"}, True),
    ],
)
def test_taints(taint: str, toleration: dict[str, str] | None, fits: bool) -> None:
    cache = cluster(node("a", taints=[taint]))
    one = pod(spec={"tolerations": [toleration] if toleration else []})
    if fits:
        assert placed_on(cache, one) == "a"
    else:
        assert refused(cache, one) == f"1 {TAINTED}"


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, True),
        ({"nodeSelector": {"disk": "hdd"}}, False),
        (affinity(matchExpressions=[expression("disk", "In", "ssd", "nvme")]), True),
        (affinity(matchExpressions=[expression("disk", "NotIn", "ssd")]), False),
        (affinity(matchExpressions=[expression("none", "NotIn", "ssd")]), True),
        (affinity(matchExpressions=[expression("disk", "Exists")]), True),
        (affinity(matchExpressions=[expression("disk", "DoesNotExist")]), False),
        (affinity(matchExpressions=[expression("size", "Gt", "9")]), True),
        (affinity(matchExpressions=[expression("size", "Gt", "10")]), False),
        (affinity(matchExpressions=[expression("size", "Lt", "11")]), True),
        (affinity(matchExpressions=[expression("disk", "Lt", "11")]), False),
        (affinity(matchFields=[expression("metadata.name", "In", "a")]), True),
        (affinity(matchFields=[expression("metadata.name", "NotIn", "a")]), False),
        (affinity(), False),
        ({"nodeSelector": {"disk": "ssd"}, **affinity(matchExpressions=[expression("size", "In", "1")])}, False),
    ],
)
def test_node_selector_and_affinity(spec: dict[str, Any], fits: bool) -> None:
    cache = cluster(node("a", labels={"disk": "ssd", "size": "10"}))
    if fits:
        assert placed_on(cache, pod(spec=spec)) == "a"
    else:
        assert refused(cache, pod(spec=spec)) == f"1 {SELECTOR}"


def test_a_pod_that_names_its_node_gets_answers_from_no_other() -> None:
    cache = cluster(node("a", cpu="1"), node("b"), node("c"))
    wanted = affinity(matchFields=[expression("metadata.name", "In", "a")])
    assert refused(cache, pod(cpu="2", spec=wanted)) == (
        "1 Insufficient cpu, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]"
    )
    assert placed_on(cache, pod(cpu="1", spec=wanted)) == "a"


def test_terms_that_name_no_node_conflict() -> None:
    names = [expression("metadata.name", "In", "a"), expression("metadata.name", "In", "b")]
    assert refused(cluster(node("a")), pod(spec=affinity(matchFields=names))) == "pod affinity terms conflict"


@pytest.mark.parametrize(
    ("taken", "wanted", "fits"),
    [
        ({}, {}, False),
        ({"protocol": "UDP"}, {}, True),
        ({"hostIP": "127.0.0.1"}, {"hostIP": "127.0.0.2"}, True),
        ({"hostIP": "127.0.0.1"}, {"hostIP": "127.0.0.1"}, False),
        ({"hostIP": "127.0.0.1"}, {}, False),
        ({}, {"hostIP": "127.0.0.1"}, False),
        ({"hostPort": 81}, {}, True),
    ],
)
def test_host_ports(taken: dict[str, Any], wanted: dict[str, Any], fits: bool) -> None:
    def using(port: dict[str, Any]) -> dict[str, Any]:
        ports = [{"containerPort": 80, "hostPort": 80, **port}]
        return {"containers": [{"name": "c", "ports": ports}]}

    cache = cluster(node("a"), pods=(pod(on="a", spec=using(taken)),))
    if fits:
        assert placed_on(cache, pod(spec=using(wanted))) == "a"
    else:
        assert refused(cache, pod(spec=using(wanted))) == (
            "1 node(s) didn't have free ports for the requested pod ports"
        )


def test_resources() -> None:
    cache = cluster(
        node("a", cpu="2", memory="1Gi", resources={"example.com/gpu": "1"}),
        pods=(pod(on="a", cpu="1500m", memory="512Mi"),),
    )
    assert placed_on(cache, pod(cpu="500m", memory="512Mi")) == "a"
    assert refused(cache, pod(cpu="501m")) == "1 Insufficient cpu"
    assert refused(cache, pod(cpu="1", memory="513Mi")) == "1 Insufficient cpu, 1 Insufficient memory"
    gpus = {"containers": [{"name": "c", "resources": {"requests": {"example.com/gpu": "2"}}}]}
    assert refused(cache, pod(spec=gpus)) == "1 Insufficient example.com/gpu"
    assert placed_on(cache, pod()) == "a"


def test_number_of_pods() -> None:
    cache = cluster(node("a", pods=1), pods=(pod(on="a"),))
    assert refused(cache, pod(cpu="100")) == "1 Insufficient cpu, 1 Too many pods"


def test_the_first_rule_that_refuses_gives_the_reason() -> None:
    cache = cluster(
        node("a", unschedulable=True, taints=["k:NoSchedule"]), node("b", taints=["k:NoSchedule"]), node("c", cpu="1")
    )
    one = pod(cpu="2", spec={"nodeSelector": {"kubernetes.io/hostname": "c"}})
    assert refused(cache, one) == f"1 Insufficient cpu, 1 {TAINTED}, 1 node(s) were unschedulable"


def spread(**constraint: Any) -> dict[str, Any]:
    base = {"maxSkew": 1, "topologyKey": "topology.kubernetes.io/zone", "whenUnsatisfiable": "DoNotSchedule"}
    return {"topologySpreadConstraints": [{**base, "labelSelector": {"matchLabels": {"app": "web"}}, **constraint}]}


WEB = {"app": "web"}


def zones() -> list[Any]:
    return [node("a", zone="z1"), node("b", zone="z1"), node("c", zone="z2")]


def test_spread_keeps_domains_within_max_skew() -> None:
    cache = cluster(*zones(), pods=(pod(on="a", labels=WEB), pod(on="b", labels={"app": "db"})))
    assert placed_on(cache, pod(labels=WEB, spec=spread())) == "c"
    assert placed_on(cache, pod(labels=WEB, spec=spread(maxSkew=2), cpu="1")) in "abc"


def test_spread_counts_only_live_pods_of_the_namespace() -> None:
    deleted = {"deletionTimestamp": "2026-01-01T00:00:00Z"}
    others = (pod(on="a", labels=WEB, namespace="other"), pod(on="a", labels=WEB, metadata=deleted))
    cache = cluster(node("a", zone="z1"), node("c", zone="z2", unschedulable=True), pods=others)
    assert placed_on(cache, pod(labels=WEB, spec=spread())) == "a"


@pytest.mark.parametrize(
    ("constraint", "message"),
    [
        ({}, f"1 {SKEWED}, 1 node(s) were unschedulable"),
        ({"maxSkew": 2}, ""),
        ({"nodeTaintsPolicy": "Honor"}, f"1 {SKEWED}, 1 node(s) were unschedulable"),
        ({"labelSelector": {"matchLabels": {"app": "db"}}}, ""),
        ({"matchLabelKeys": ["version"]}, ""),
        ({"matchLabelKeys": ["absent"]}, f"1 {SKEWED}, 1 node(s) were unschedulable"),
        ({"topologyKey": "rack"}, f"1 {SKEWED} (missing required label), 1 node(s) were unschedulable"),
    ],
)
def test_spread_constraint_fields(constraint: dict[str, Any], message: str) -> None:
    cache = cluster(
        node("a", zone="z1"),
        node("c", zone="z2", unschedulable=True),
        pods=(pod(on="a", labels={**WEB, "version": "1"}),),
    )
    one = pod(labels={**WEB, "version": "2"}, spec=spread(**constraint))
    if message:
        assert refused(cache, one) == message
    else:
        assert placed_on(cache, one) == "a"


def test_spread_leaves_out_domains_that_policies_exclude() -> None:
    cache = cluster(
        node("a", zone="z1"), node("c", zone="z2", taints=["k:NoSchedule"]), pods=(pod(on="a", labels=WEB),)
    )
    assert refused(cache, pod(labels=WEB, spec=spread())) == f"1 {SKEWED}, 1 {TAINTED}"
    assert placed_on(cache, pod(labels=WEB, spec=spread(nodeTaintsPolicy="Honor"))) == "a"
    only_z1 = {"nodeSelector": {"topology.kubernetes.io/zone": "z1"}}
    assert placed_on(cache, pod(labels=WEB, spec={**spread(), **only_z1})) == "a"
    assert refused(cache, pod(labels=WEB, spec={**spread(nodeAffinityPolicy="Ignore"), **only_z1})) == (
        f"1 {SKEWED}, 1 {TAINTED}"
    )


def test_spread_below_min_domains_counts_from_zero() -> None:
    cache = cluster(node("a", zone="z1"), pods=(pod(on="a", labels=WEB),))
    assert placed_on(cache, pod(labels=WEB, spec=spread())) == "a"
    assert refused(cache, pod(labels=WEB, spec=spread(minDomains=2))) == f"1 {SKEWED}"


def terms(kind: str, *required: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(required)}}}


def term(labels: dict[str, str], key: str = "topology.kubernetes.io/zone", **more: Any) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": labels}, "topologyKey": key, **more}


DB = {"app": "db"}
NEAR = "node(s) didn't match pod affinity rules"
APART = "node(s) didn't match pod anti-affinity rules"
KEPT_AWAY = "node(s) didn't satisfy existing pods anti-affinity rules"


def test_affinity_goes_where_the_others_are() -> None:
    cache = cluster(*zones(), pods=(pod(on="c", labels=DB),))
    assert placed_on(cache, pod(spec=terms("podAffinity", term(DB)))) == "c"
    assert refused(cache, pod(spec=terms("podAffinity", term(DB, key="rack")))) == f"3 {NEAR}"
    assert refused(cache, pod(spec=terms("podAffinity", term({"app": "none"})))) == f"3 {NEAR}"


def test_affinity_counts_only_pods_that_match_all_terms() -> None:
    cache = cluster(*zones(), pods=(pod(on="a", labels=DB), pod(on="c", labels={"tier": "1"})))
    both = terms("podAffinity", term(DB), term({"tier": "1"}))
    assert refused(cache, pod(spec=both)) == f"3 {NEAR}"
    cache.set_pod(cache.templates.info(pod(on="c", labels={**DB, "tier": "1"})))
    assert placed_on(cache, pod(spec=both)) == "c"


def test_the_first_of_a_group_may_go_anywhere_with_the_label() -> None:
    cache = cluster(node("a"), node("c", zone="z2"))
    assert placed_on(cache, pod(labels=WEB, spec=terms("podAffinity", term(WEB)))) == "c"


def test_anti_affinity_works_both_ways() -> None:
    cache = cluster(*zones(), pods=(pod(on="c", labels=DB),))
    assert placed_on(cache, pod(spec=terms("podAntiAffinity", term(DB)))) in "ab"
    cache = cluster(*zones(), pods=(pod(on="a", spec=terms("podAntiAffinity", term(WEB))),))
    assert placed_on(cache, pod(labels=WEB)) == "c"
    cache.set_pod(cache.templates.info(pod(on="c", labels=DB)))
    one = pod(labels=WEB, spec=terms("podAntiAffinity", term(DB)))
    assert refused(cache, one) == f"1 {APART}, 2 {KEPT_AWAY}"


@pytest.mark.parametrize(
    ("more", "near"),
    [
        ({}, False),
        ({"namespaces": ["other"]}, True),
        ({"namespaceSelector": {}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "x"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "y"}}}, False),
        ({"namespaces": ["default"], "namespaceSelector": {"matchLabels": {"team": "x"}}}, True),
    ],
)
def test_affinity_across_namespaces(more: dict[str, Any], near: bool) -> None:
    cache = cluster(*zones(), pods=(pod(on="c", labels=DB, namespace="other"),))
    cache.set_namespace("other", {"team": "x"})
    one = pod(spec=terms("podAffinity", term(DB, **more)))
    if near:
        assert placed_on(cache, one) == "c"
    else:
        assert refused(cache, one) == f"3 {NEAR}"


def test_affinity_label_keys() -> None:
    cache = cluster(*zones(), pods=(pod(on="a", labels={**WEB, "v": "1"}), pod(on="c", labels={**WEB, "v": "2"})))
    v2 = {**WEB, "v": "2"}
    assert placed_on(cache, pod(labels=v2, spec=terms("podAffinity", term(WEB, matchLabelKeys=["v"])))) == "c"
    assert placed_on(cache, pod(labels=v2, spec=terms("podAntiAffinity", term(WEB, mismatchLabelKeys=["v"])))) == "c"


def test_no_nodes() -> None:
    from podium.scheduler.outcome import FitError

    from ..build import decide

    outcome = decide(cluster(), pod())
    assert isinstance(outcome, FitError)
    assert outcome.message == "no nodes available to schedule pods"
