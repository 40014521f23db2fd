"""Which events make another try worthwhile, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import core_v1
from podium.scheduler.nodes import NodeFacts
from podium.scheduler.pods import PodInfo, Templates
from podium.scheduler.rules.base import Event, NodeChange, PodChange, VolumeChange
from podium.scheduler.rules.hints import HINTS

from ..build import node, pod
from .test_filters import DB, WEB, affinity, expression, spread, term, terms

TEMPLATES = Templates()
HELPS = {hint.rule: hint.helps for hint in HINTS}


def facts(**more: Any) -> NodeFacts:
    return NodeFacts(node("n", **more))


def came(one: core_v1.Pod) -> PodChange:
    return PodChange(None, info(one))


def left(one: core_v1.Pod) -> PodChange:
    return PodChange(info(one), None)


def info(one: core_v1.Pod) -> PodInfo:
    return TEMPLATES.info(one)


ADDED = NodeChange(None, facts())
REMOVED = NodeChange(facts(), None)
CORDONED = NodeChange(facts(), facts(unschedulable=True))
UNCORDONED = NodeChange(facts(unschedulable=True), facts())
RELABELLED = NodeChange(facts(), facts(labels={"disk": "ssd"}))
GREW = NodeChange(facts(cpu="1"), facts(cpu="2"))

PLAIN = pod(cpu="2")
SSD = pod(spec={"nodeSelector": {"disk": "ssd"}})
GT = pod(spec=affinity(matchExpressions=[expression("disk", "Exists")]))
SPREAD = pod(labels=WEB, spec=spread())
NEAR_DB = pod(spec=terms("podAffinity", term(DB)))
APART_DB = pod(spec=terms("podAntiAffinity", term(DB)))
A_WEB, A_DB = pod(on="n", labels=WEB), pod(on="n", labels=DB)
KEEPS_WEB_AWAY = pod(on="n", spec=terms("podAntiAffinity", term(WEB)))
CLAIMS = pod(spec={"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]})


@pytest.mark.parametrize(
    ("rule", "waiting", "event", "helps"),
    [
        ("NodeUnschedulable", PLAIN, ADDED, True),
        ("NodeUnschedulable", PLAIN, UNCORDONED, True),
        ("NodeUnschedulable", PLAIN, CORDONED, False),
        ("NodeUnschedulable", PLAIN, GREW, False),
        ("NodeUnschedulable", PLAIN, REMOVED, False),
        ("NodeAffinity", SSD, ADDED, False),
        ("NodeAffinity", SSD, RELABELLED, True),
        ("NodeAffinity", GT, RELABELLED, True),
        ("NodeAffinity", GT, UNCORDONED, False),
        ("NodeResourcesFit", PLAIN, GREW, True),
        ("NodeResourcesFit", pod(cpu="3"), GREW, False),
        ("NodeResourcesFit", PLAIN, PodChange(info(pod(on="n", cpu="2")), info(pod(on="n", cpu="1"))), True),
        ("NodeResourcesFit", PLAIN, PodChange(info(pod(on="n", cpu="1")), info(pod(on="n", cpu="2"))), False),
        ("PodTopologySpread", SPREAD, came(A_WEB), True),
        ("PodTopologySpread", SPREAD, left(A_WEB), True),
        ("PodTopologySpread", SPREAD, left(A_DB), False),
        ("PodTopologySpread", SPREAD, REMOVED, True),
        ("InterPodAffinity", NEAR_DB, came(A_DB), True),
        ("InterPodAffinity", NEAR_DB, came(A_WEB), False),
        ("InterPodAffinity", NEAR_DB, left(A_DB), False),
        ("InterPodAffinity", APART_DB, left(A_DB), True),
        ("InterPodAffinity", APART_DB, came(A_DB), False),
        ("InterPodAffinity", pod(labels=WEB), left(KEEPS_WEB_AWAY), True),
        ("InterPodAffinity", pod(labels=DB), left(KEEPS_WEB_AWAY), False),
        ("InterPodAffinity", NEAR_DB, RELABELLED, True),
        ("VolumeBinding", CLAIMS, VolumeChange(("default", "data")), True),
        ("VolumeBinding", CLAIMS, VolumeChange(("default", "other")), False),
        ("VolumeBinding", CLAIMS, VolumeChange(("other", "data")), False),
        ("VolumeBinding", CLAIMS, VolumeChange(), True),
        ("VolumeBinding", CLAIMS, RELABELLED, True),
        ("VolumeBinding", CLAIMS, UNCORDONED, False),
        ("VolumeRestrictions", CLAIMS, left(CLAIMS), True),
        ("VolumeRestrictions", CLAIMS, left(A_DB), False),
    ],
)
def test_hints(rule: str, waiting: core_v1.Pod, event: Event, helps: bool) -> None:
    assert HELPS[rule](event, info(waiting).template) is helps
