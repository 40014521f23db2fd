"""The scheduler's picture of the cluster: nodes, the Pods on them, and what rules need summed up.

Everything here changes by what changed, never by going over the cluster. A Pod that was just given a node is *assumed*
there until the API says so too. Decisions read the cache directly: they never wait, so nothing changes under them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from podium.models import core_v1, storage_v1
from podium.models.selectors import Selector, of_labels
from podium.scheduler.counts import CarriedTerms, PodCounts
from podium.scheduler.nodes import ZONE, NodeFacts, NodeInfo, across_zones
from podium.scheduler.pods import Labels, PodInfo, Template, Templates, Term
from podium.scheduler.volumes import ClaimKey, Volumes, put

K = TypeVar("K")
V = TypeVar("V")

HARD_AFFINITY_WEIGHT = 1
"""What the required affinity of a Pod that is placed adds to the score of a Pod that it means."""


class Trial:
    """Takes Pods away in thought."""

    def __init__(self, put_on: Callable[[PodInfo], None], take_off: Callable[[PodInfo], None]) -> None:
        self._put_on = put_on
        self._take_off = take_off
        self._removed: dict[str, PodInfo] = {}

    def remove(self, pod: PodInfo) -> None:
        self._take_off(pod)
        self._removed[pod.uid] = pod

    def restore(self, pod: PodInfo) -> None:
        del self._removed[pod.uid]
        self._put_on(pod)

    def end(self) -> None:
        for pod in list(self._removed.values()):
            self.restore(pod)


class Cache:
    def __init__(self) -> None:
        self.templates = Templates()
        self._nodes: list[NodeInfo] | None = []
        """None when nodes came, went or moved since they were put in order."""
        self.infos: dict[str, NodeInfo] = {}
        """By name; also of nodes that are gone while Pods are still bound to them."""
        self.pods: dict[str, PodInfo] = {}
        """Pods that have a node, by uid."""
        self.assumed: dict[str, PodInfo] = {}
        self.nominated: dict[str, dict[str, PodInfo]] = {}
        """By node: Pods that wait for their victims there to be gone."""
        self._nominated_to: dict[str, str] = {}
        self.namespaces: dict[str, Labels] = {}
        self.services: dict[str, dict[str, Selector]] = {}
        """The selectors of the Services of a namespace, by name."""
        self.by_owner: dict[str, dict[str, int]] = {}
        """By the controller's uid: how many of its Pods (not being deleted) each node has."""
        self.volumes = Volumes()
        self.claim_users: dict[ClaimKey, int] = {}
        """How many Pods that have a node use each claim."""
        self.priorities: dict[int, int] = {}
        """How many Pods that have a node are of each priority."""
        self.counts = PodCounts(self.pods, self.namespaces)
        self.anti_terms = CarriedTerms(self.namespaces)
        self.preferred_terms = CarriedTerms(self.namespaces)
        self.generation = 0
        self._facts_generation = 0
        self._of_facts: WeakKeyDictionary[Template, tuple[int, Any]] = WeakKeyDictionary()
        self.layout = 0
        """Changes when nodes come, go or move, so that positions in `nodes` mean something else."""
        self._zoned = False
        self.image_holders: dict[str, int] = {}
        """How many nodes have each image."""
        self._recent: OrderedDict[str, NodeInfo] = OrderedDict()

    # Nodes

    def set_node(self, node: core_v1.Node) -> tuple[NodeFacts | None, NodeFacts] | None:
        """What was known of the node and what is now; None if no rule sees a difference."""
        facts = NodeFacts(node)
        info = self._info(facts.name)
        before = info.facts if info.present else None
        if before is not None and before.same(facts):
            return None
        self._facts_generation += 1
        self._count_images(before, facts)
        info.facts = facts
        info.present = True
        if before is None or before.labels.get(ZONE) != facts.labels.get(ZONE):
            self._moved()
        self._touch(info)
        return before, facts

    def remove_node(self, name: str) -> NodeFacts | None:
        info = self.infos.get(name)
        if info is None or not info.present:
            return None
        self._facts_generation += 1
        self._count_images(info.facts, None)
        info.present = False
        info.index = -1
        self._drop_if_unused(info)
        self._moved()
        return info.facts

    def of_facts(self, template: Template, make: Callable[[], V]) -> V:
        """What `make` says of the Node objects for such Pods; made anew only when a Node object has changed."""
        known = self._of_facts.get(template)
        if known is None or known[0] != self._facts_generation:
            known = self._of_facts[template] = self._facts_generation, make()
        found: V = known[1]
        return found

    def changed_since(self, generation: int) -> Iterator[NodeInfo]:
        """The nodes that changed after that generation, most recent first."""
        for info in reversed(self._recent.values()):
            if info.generation <= generation:
                return
            yield info

    def _count_images(self, before: NodeFacts | None, after: NodeFacts | None) -> None:
        for image in before.images if before else ():
            _count(self.image_holders, image, -1)
        for image in after.images if after else ():
            _count(self.image_holders, image, 1)

    def _info(self, name: str) -> NodeInfo:
        info = self.infos.get(name)
        if info is None:
            info = self.infos[name] = self._recent[name] = NodeInfo(name)
        return info

    def _touch(self, info: NodeInfo) -> None:
        self.generation += 1
        info.generation = self.generation
        self._recent.move_to_end(info.name)

    def _drop_if_unused(self, info: NodeInfo) -> None:
        if not info.present and not info.pods:
            del self.infos[info.name]
            del self._recent[info.name]

    @property
    def nodes(self) -> list[NodeInfo]:
        """The nodes there are, in the order in which they are tried; each knows its position."""
        if self._nodes is None:
            self._nodes = across_zones(info for info in self.infos.values() if info.present)
            for index, info in enumerate(self._nodes):
                info.index = index
            self._zoned = any(ZONE in info.facts.labels for info in self._nodes)
        return self._nodes

    @property
    def zoned(self) -> bool:
        """Whether any node is in a zone."""
        return bool(self.nodes) and self._zoned

    def _moved(self) -> None:
        self._nodes = None
        self.layout += 1
        self.generation += 1

    # Pods that have a node

    def set_pod(self, pod: PodInfo) -> PodInfo | None:
        """The API says that the Pod is on its node. What was known of it before, if anything."""
        before = self.pods.get(pod.uid)
        self.assumed.pop(pod.uid, None)
        if before is not None:
            if before.node == pod.node and before.template is pod.template and before.terminating == pod.terminating:
                before.pod = pod.pod
                return before
            self._take_off(before)
        self._put_on(pod)
        return before

    def remove_pod(self, uid: str) -> PodInfo | None:
        self.assumed.pop(uid, None)
        pod = self.pods.get(uid)
        if pod is not None:
            self._take_off(pod)
        return pod

    def assume(self, pod: PodInfo, node: str) -> None:
        """Count the Pod as being on the node, before the API knows."""
        pod.node = node
        self.assumed[pod.uid] = pod
        self._put_on(pod)

    def forget(self, pod: PodInfo) -> bool:
        """The Pod did not get its node after all; False if the API said otherwise meanwhile."""
        if self.assumed.get(pod.uid) is not pod:
            return False
        del self.assumed[pod.uid]
        self._take_off(pod)
        pod.node = ""
        return True

    @contextmanager
    def trial(self) -> Iterator[Trial]:
        """What if some Pods were not there? In the end all of them are again."""
        trial = Trial(self._put_on, self._take_off)
        try:
            yield trial
        finally:
            trial.end()

    @contextmanager
    def having(self, pods: Iterable[PodInfo], node: str) -> Iterator[None]:
        """What if these Pods, which have no node yet, were on this one?"""
        put = list(pods)
        for pod in put:
            pod.node = node
            self._put_on(pod)
        try:
            yield
        finally:
            for pod in put:
                self._take_off(pod)
                pod.node = ""

    def _put_on(self, pod: PodInfo) -> None:
        info = self._info(pod.node)
        info.add(pod)
        self._touch(info)
        self.pods[pod.uid] = pod
        self.counts.add(pod)
        template = pod.template
        _count(self.priorities, template.priority, 1)
        for name, _ in template.claims:
            _count(self.claim_users, (template.namespace, name), 1)
        if template.owner and not pod.terminating:
            _count(self.by_owner.setdefault(template.owner, {}), pod.node, 1)
        if template.affinity or template.anti_affinity or template.preferred_pods:
            self.anti_terms.add(pod.node, _weighing(template.anti_affinity))
            self.preferred_terms.add(pod.node, _preferences(pod))

    def _take_off(self, pod: PodInfo) -> None:
        info = self.infos[pod.node]
        info.remove(pod)
        self._touch(info)
        self._drop_if_unused(info)
        del self.pods[pod.uid]
        self.counts.remove(pod)
        template = pod.template
        _count(self.priorities, template.priority, -1)
        for name, _ in template.claims:
            _count(self.claim_users, (template.namespace, name), -1)
        if template.owner and not pod.terminating:
            owned = self.by_owner[template.owner]
            _count(owned, pod.node, -1)
            if not owned:
                del self.by_owner[template.owner]
        if template.affinity or template.anti_affinity or template.preferred_pods:
            self.anti_terms.remove(pod.node, _weighing(template.anti_affinity))
            self.preferred_terms.remove(pod.node, _preferences(pod))

    def any_below(self, priority: int) -> bool:
        """Whether any Pod that has a node is of lower priority."""
        return any(other < priority for other in self.priorities)

    # Pods that wait for a node

    def nominate(self, pod: PodInfo, node: str) -> None:
        """Room is being made for the Pod on this node."""
        self.withdraw(pod)
        self.nominated.setdefault(node, {})[pod.uid] = pod
        self._nominated_to[pod.uid] = node
        self.generation += 1

    def renew_nominee(self, pod: PodInfo) -> None:
        """The Pod changed. If it waits for room somewhere, it goes on waiting as what it is now."""
        node = self._nominated_to.get(pod.uid)
        if node is not None and self.nominated[node][pod.uid].template is not pod.template:
            self.nominate(pod, node)

    def withdraw(self, pod: PodInfo) -> None:
        """The Pod doesn't wait for room any more."""
        node = self._nominated_to.pop(pod.uid, None)
        if node is not None:
            del self.nominated[node][pod.uid]
            if not self.nominated[node]:
                del self.nominated[node]
            self.generation += 1

    # What else rules look at

    def set_namespace(self, name: str, labels: Labels | None) -> bool:
        """Whether anything changed; None when the namespace is gone."""
        if self.namespaces.get(name) == labels:
            return False
        if labels is None:
            del self.namespaces[name]
        else:
            self.namespaces[name] = labels
        self.counts.forget()
        self.generation += 1
        return True

    def set_claim(self, key: ClaimKey, claim: core_v1.PersistentVolumeClaim | None) -> None:
        put(self.volumes.claims, key, claim)
        self.generation += 1

    def set_volume(self, name: str, volume: core_v1.PersistentVolume | None) -> None:
        put(self.volumes.volumes, name, volume)
        self.generation += 1

    def set_class(self, name: str, storage_class: storage_v1.StorageClass | None) -> None:
        put(self.volumes.classes, name, storage_class)
        self.generation += 1

    def set_service(self, namespace: str, name: str, selector: Mapping[str, str] | None) -> None:
        services = self.services.setdefault(namespace, {})
        if selector:
            services[name] = of_labels(selector)
        else:
            services.pop(name, None)


def _count(counts: dict[K, int], key: K, change: int) -> None:
    """Counts, with those that are 0 left out."""
    number = counts.get(key, 0) + change
    if number:
        counts[key] = number
    else:
        del counts[key]


def _weighing(terms: Iterable[Term]) -> Iterable[tuple[int, Term]]:
    return ((1, term) for term in terms)


def _preferences(pod: PodInfo) -> Iterable[tuple[int, Term]]:
    yield from pod.template.preferred_pods
    for term in pod.template.affinity:
        yield HARD_AFFINITY_WEIGHT, term
