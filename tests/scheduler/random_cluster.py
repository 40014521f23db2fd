"""A cluster that changes at random, for invariants: nodes and Pods come, go and change."""

from __future__ import annotations

from random import Random
from typing import Any

from podium.clock import EPOCH
from podium.models import codec, core_v1
from podium.scheduler.cache import Cache
from podium.scheduler.pods import PodInfo

from .build import node, pod
from .rules.test_filters import spread, term, terms

APPS = ("web", "db", "batch")


class RandomCluster:
    def __init__(self, rng: Random, nodes: int = 8) -> None:
        self.rng = rng
        self.cache = Cache()
        self.nodes: dict[str, core_v1.Node] = {}
        self.pods: dict[str, core_v1.Pod] = {}
        for number in range(nodes):
            self.set_node(f"n{number}")

    def change(self) -> None:
        """One thing happens."""
        names = [f"n{number}" for number in range(10)]
        match self.rng.randrange(6):
            case 0:
                self.set_node(self.rng.choice(names))
            case 1:
                self.remove_node(self.rng.choice(names))
            case 2 | 3 if self.pods:
                self.remove_pod(self.rng.choice(sorted(self.pods)))
            case 4 if self.pods:
                self.mark_deleted(self.rng.choice(sorted(self.pods)))

    def set_node(self, name: str) -> None:
        self.nodes[name] = self.new_node(name)
        self.cache.set_node(self.nodes[name])

    def new_node(self, name: str) -> core_v1.Node:
        rng = self.rng
        return node(
            name,
            cpu=str(rng.randint(1, 8)),
            pods=rng.randint(2, 10),
            zone=rng.choice("abc"),
            labels={"disk": rng.choice(("ssd", "hdd"))},
            taints=rng.choice(((), (), ("k=v:NoSchedule",), ("k=v:PreferNoSchedule",))),
            unschedulable=rng.random() < 0.1,
            images={"app:1": 10**9} if rng.random() < 0.3 else {},
        )

    def remove_node(self, name: str) -> None:
        if self.nodes.pop(name, None) is not None:
            self.cache.remove_node(name)

    def new_pod(self) -> core_v1.Pod:
        rng = self.rng
        app = rng.choice(APPS)
        specs: list[dict[str, Any]] = [
            {},
            {},
            {"nodeSelector": {"disk": "ssd"}},
            {"tolerations": [{"key": "k", "operator": "Exists"}]},
            spread(labelSelector={"matchLabels": {"app": app}}),
            spread(labelSelector={"matchLabels": {"app": app}}, whenUnsatisfiable="ScheduleAnyway"),
            terms("podAntiAffinity", term({"app": app}, key="kubernetes.io/hostname")),
            terms("podAffinity", term({"app": app})),
        ]
        more: dict[str, Any] = {"owner": app} if rng.random() < 0.5 else {}
        return pod(
            cpu=rng.choice(("", "500m", "1", "2")),
            memory=rng.choice(("", "256Mi", "1Gi")),
            labels={"app": app},
            ports=(rng.choice((8080, 8081)),) if rng.random() < 0.2 else (),
            priority=rng.choice((0, 0, 10)),
            spec=rng.choice(specs),
            **more,
        )

    def place(self, one: PodInfo, name: str) -> None:
        """It is assumed, and mostly the API says so too."""
        self.cache.assume(one, name)
        if self.rng.random() < 0.1:
            assert self.cache.forget(one)
            return
        bound = codec.copy(one.pod)
        bound.spec.nodeName = name
        self.pods[one.uid] = bound
        self.cache.set_pod(self.cache.templates.info(bound))

    def remove_pod(self, uid: str) -> None:
        del self.pods[uid]
        self.cache.remove_pod(uid)

    def mark_deleted(self, uid: str) -> None:
        changed = codec.copy(self.pods[uid])
        changed.metadata.deletionTimestamp = EPOCH
        self.pods[uid] = changed
        self.cache.set_pod(self.cache.templates.info(changed))

    def rebuilt(self) -> Cache:
        cache = Cache()
        for one in self.pods.values():
            cache.set_pod(cache.templates.info(one))
        for each in self.nodes.values():
            cache.set_node(each)
        return cache
