"""Pods as the scheduler sees them: what matters for placing a Pod, compiled once for all Pods that are alike.

A `Template` is everything that rules look at. Pods of one ReplicaSet are alike, so they share a template. Its `Shape`
is the part that rules hold against a single node: templates that ask for the same share one, and with it what the
decision remembers of nodes (see schedule.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakValueDictionary

from podium.models import codec, core_v1
from podium.models.node_terms import NAME_FIELD, NodeTerm, node_term
from podium.models.pod_claims import claim_name
from podium.models.selectors import NOTHING, Requirement, Selector, compile, of_labels
from podium.scheduler.requests import Requests, pod_requests

Labels = Mapping[str, str]
HostPort = tuple[str, str, int]
"""Address, protocol, port."""

ANY_ADDRESS = "0.0.0.0"  # noqa: S104 (it is compared, nothing listens there)

_SPREADING_OWNERS = ("ReplicaSet", "ReplicationController", "StatefulSet")


@dataclass(frozen=True, slots=True)
class Term:
    """Which Pods are meant (namespaces and labels) and by which node label they count as near."""

    namespaces: frozenset[str]
    namespace_selector: Selector
    selector: Selector
    topology_key: str = ""

    def matches(self, namespace: str, labels: Labels, namespaces: Mapping[str, Labels]) -> bool:
        """`namespaces` gives the labels of each namespace."""
        if not self.selector.matches(labels):
            return False
        return namespace in self.namespaces or self.namespace_selector.matches(namespaces.get(namespace, {}))

    @property
    def pair(self) -> tuple[str, str] | None:
        """A label that the Pod must have, if there is one: what an index can find the term by."""
        for one in self.selector.requirements:
            if len(one.values) == 1 and one.operator in ("=", "in"):
                return one.key, one.values[0]
        return None


@dataclass(frozen=True, slots=True)
class Spread:
    """A topology spread constraint; `pods` is None in the constraints that Kubernetes applies by default."""

    topology_key: str
    max_skew: int
    min_domains: int
    pods: Term | None
    honor_affinity: bool = True
    honor_taints: bool = False
    counts_itself: bool = True
    """Whether the Pod is one of those that it counts."""


class Shape:
    """What a single node is measured against. Compared by identity."""

    __slots__ = (
        "__weakref__",
        "any_node",
        "node_names",
        "node_selector",
        "node_terms",
        "ports",
        "preferred_nodes",
        "requests",
        "tolerations",
    )

    def __init__(self, spec: core_v1.PodSpec) -> None:
        affinity = spec.affinity.nodeAffinity if spec.affinity else None
        self.requests: Requests = pod_requests(spec)
        self.ports: tuple[HostPort, ...] = _host_ports(spec)
        self.tolerations: tuple[core_v1.Toleration, ...] = spec.tolerations
        self.node_selector: Selector = of_labels(spec.nodeSelector)
        self.node_terms: tuple[NodeTerm, ...] | None = _node_terms(affinity)
        self.any_node: bool = not spec.nodeSelector and self.node_terms is None
        """Whether nothing is asked of the node's labels."""
        self.node_names: frozenset[str] | None = _node_names(self.node_terms)
        self.preferred_nodes: tuple[tuple[int, NodeTerm], ...] = _preferred_nodes(affinity)


class Template:
    """What rules look at. Compared by identity: equal Pods share one."""

    __slots__ = (
        "__weakref__",
        "affinity",
        "anti_affinity",
        "claims",
        "hard_spread",
        "images",
        "labels",
        "namespace",
        "owner",
        "preempts",
        "preferred_pods",
        "priority",
        "shape",
        "soft_spread",
    )

    def __init__(self, pod: core_v1.Pod, shape: Shape) -> None:
        spec = pod.spec
        affinity = spec.affinity or core_v1.Affinity()
        near = affinity.podAffinity or core_v1.PodAffinity()
        apart = affinity.podAntiAffinity or core_v1.PodAntiAffinity()
        self.shape = shape
        self.namespace: str = pod.metadata.namespace
        self.labels: Labels = pod.metadata.labels
        self.priority: int = spec.priority or 0
        self.preempts: bool = spec.preemptionPolicy != "Never"
        self.owner: str = _spreading_owner(pod)
        self.claims: tuple[tuple[str, bool], ...] = _claims(pod)
        """Names of PersistentVolumeClaims, and whether each is made for this Pod alone."""
        self.images: tuple[str, ...] = tuple(one.image for one in (*spec.initContainers, *spec.containers))
        self.affinity: tuple[Term, ...] = _terms(pod, near.requiredDuringSchedulingIgnoredDuringExecution)
        self.anti_affinity: tuple[Term, ...] = _terms(pod, apart.requiredDuringSchedulingIgnoredDuringExecution)
        self.preferred_pods: tuple[tuple[int, Term], ...] = (
            *_weighted(pod, near.preferredDuringSchedulingIgnoredDuringExecution, 1),
            *_weighted(pod, apart.preferredDuringSchedulingIgnoredDuringExecution, -1),
        )
        self.hard_spread: tuple[Spread, ...] = _spreads(pod, "DoNotSchedule")
        self.soft_spread: tuple[Spread, ...] | None = (
            _spreads(pod, "ScheduleAnyway") if spec.topologySpreadConstraints else None
        )
        """None: the Pod says nothing about spreading, so Kubernetes' default applies."""


class PodInfo:
    """A Pod, its template, and the node it is on (or assumed to be on)."""

    __slots__ = ("node", "pod", "template", "terminating", "uid")

    def __init__(self, pod: core_v1.Pod, template: Template) -> None:
        self.pod = pod
        self.template = template
        self.uid: str = pod.metadata.uid
        self.node: str = pod.spec.nodeName
        self.terminating: bool = pod.metadata.deletionTimestamp is not None

    def __repr__(self) -> str:
        return f"PodInfo({self.pod.metadata.namespace}/{self.pod.metadata.name} on {self.node or 'no node'})"


class Templates:
    """Gives Pods that are alike the same template and shape, for as long as one of them is known."""

    def __init__(self) -> None:
        self._templates: WeakValueDictionary[Any, Template] = WeakValueDictionary()
        self._shapes: WeakValueDictionary[Any, Shape] = WeakValueDictionary()

    def info(self, pod: core_v1.Pod) -> PodInfo:
        shape_key = _shape_key(pod.spec)
        key = (*_template_key(pod), shape_key)
        template = self._templates.get(key)
        if template is None:
            shape = self._shapes.get(shape_key)
            if shape is None:
                shape = self._shapes[shape_key] = Shape(pod.spec)
            template = self._templates[key] = Template(pod, shape)
        return PodInfo(pod, template)


def _shape_key(spec: core_v1.PodSpec) -> Any:
    """Everything that Shape reads."""
    containers = (*spec.initContainers, *spec.containers) if spec.initContainers else spec.containers
    affinity = spec.affinity.nodeAffinity if spec.affinity else None
    rare = spec.nodeSelector or affinity or spec.overhead or spec.resources
    return (
        len(spec.initContainers),
        tuple((one.restartPolicy, *one.resources.requests.items()) for one in containers),
        tuple((port.hostIP, port.protocol, port.hostPort) for one in containers for port in one.ports if port.hostPort),
        codec.encode(spec.tolerations) if spec.tolerations else b"",
        codec.encode((spec.nodeSelector, affinity, spec.overhead, spec.resources)) if rare else b"",
    )


def _template_key(pod: core_v1.Pod) -> tuple[Any, ...]:
    """Everything else that Template reads."""
    spec, metadata = pod.spec, pod.metadata
    rare = spec.affinity or spec.topologySpreadConstraints
    return (
        metadata.namespace,
        _spreading_owner(pod),
        _claims(pod) if spec.volumes else (),
        spec.priority,
        spec.preemptionPolicy,
        tuple(metadata.labels.items()),
        tuple(one.image for one in spec.initContainers),
        tuple(one.image for one in spec.containers),
        codec.encode((spec.affinity, spec.topologySpreadConstraints)) if rare else b"",
    )


def _claims(pod: core_v1.Pod) -> tuple[tuple[str, bool], ...]:
    return tuple(
        (name, volume.ephemeral is not None) for volume in pod.spec.volumes if (name := claim_name(pod, volume))
    )


def _spreading_owner(pod: core_v1.Pod) -> str:
    for owner in pod.metadata.ownerReferences:
        if owner.controller:
            return owner.uid if owner.kind in _SPREADING_OWNERS else ""
    return ""


def _host_ports(spec: core_v1.PodSpec) -> tuple[HostPort, ...]:
    sidecars = (one for one in spec.initContainers if one.restartPolicy == "Always")
    return tuple(
        (port.hostIP or ANY_ADDRESS, port.protocol or "TCP", port.hostPort)
        for container in (*sidecars, *spec.containers)
        for port in container.ports
        if port.hostPort
    )


def _node_terms(affinity: core_v1.NodeAffinity | None) -> tuple[NodeTerm, ...] | None:
    if affinity is None or affinity.requiredDuringSchedulingIgnoredDuringExecution is None:
        return None
    return tuple(node_term(term) for term in affinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms)


def _node_names(terms: tuple[NodeTerm, ...] | None) -> frozenset[str] | None:
    """The only nodes that can match, if every alternative names its nodes (as those of DaemonSet Pods do)."""
    if not terms:
        return None
    names: set[str] = set()
    for term in terms:
        named = [set(one.values) for one in term.fields if one.key == NAME_FIELD and one.operator == "in"]
        if not named:
            return None
        names |= set.intersection(*named)
    return frozenset(names)


def _preferred_nodes(affinity: core_v1.NodeAffinity | None) -> tuple[tuple[int, NodeTerm], ...]:
    if affinity is None:
        return ()
    return tuple(
        (preferred.weight, node_term(preferred.preference))
        for preferred in affinity.preferredDuringSchedulingIgnoredDuringExecution
        if preferred.weight
    )


def _weighted(
    pod: core_v1.Pod, weighted: Iterable[core_v1.WeightedPodAffinityTerm], sign: int
) -> Iterable[tuple[int, Term]]:
    return ((sign * one.weight, _term(pod, one.podAffinityTerm)) for one in weighted)


def _terms(pod: core_v1.Pod, terms: Iterable[core_v1.PodAffinityTerm]) -> tuple[Term, ...]:
    return tuple(_term(pod, term) for term in terms)


def _term(pod: core_v1.Pod, term: core_v1.PodAffinityTerm) -> Term:
    labels = pod.metadata.labels
    own_namespace = not term.namespaces and term.namespaceSelector is None
    return Term(
        frozenset((pod.metadata.namespace,) if own_namespace else term.namespaces),
        compile(term.namespaceSelector),
        _narrowed(
            compile(term.labelSelector),
            [
                *(Requirement(key, "in", (labels[key],)) for key in term.matchLabelKeys if key in labels),
                *(Requirement(key, "notin", (labels[key],)) for key in term.mismatchLabelKeys if key in labels),
            ],
        ),
        term.topologyKey,
    )


def _narrowed(selector: Selector, more: Iterable[Requirement]) -> Selector:
    """What matchLabelKeys and the like add; the API may have added it before."""
    new = [one for one in more if one not in selector.requirements]
    return Selector((*selector.requirements, *new)) if new and selector.selectable else selector


def _spreads(pod: core_v1.Pod, when: str) -> tuple[Spread, ...]:
    return tuple(
        _spread(pod, constraint)
        for constraint in pod.spec.topologySpreadConstraints
        if constraint.whenUnsatisfiable == when
    )


def _spread(pod: core_v1.Pod, constraint: core_v1.TopologySpreadConstraint) -> Spread:
    labels = pod.metadata.labels
    selector = _narrowed(
        compile(constraint.labelSelector),
        [Requirement(key, "in", (labels[key],)) for key in constraint.matchLabelKeys if key in labels],
    )
    return Spread(
        constraint.topologyKey,
        constraint.maxSkew,
        constraint.minDomains or 1,
        Term(frozenset((pod.metadata.namespace,)), NOTHING, selector, constraint.topologyKey),
        honor_affinity=constraint.nodeAffinityPolicy != "Ignore",
        honor_taints=constraint.nodeTaintsPolicy == "Honor",
        counts_itself=selector.matches(labels),
    )
