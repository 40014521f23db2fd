"""VolumeBinding: a Pod goes where its volumes are, or can be. VolumeRestrictions: ReadWriteOncePod means what it says.

Claims that are bound name a volume, and that may name nodes. Claims of a class that waits for its first consumer get
the smallest volume that fits and is within the node's reach, or else one is made for the node.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal

from podium.models import core_v1
from podium.models.node_terms import NodeTerm, node_term
from podium.models.quantity import number
from podium.models.selectors import compile
from podium.scheduler.cache import Cache
from podium.scheduler.nodes import NodeFacts, NodeInfo
from podium.scheduler.pods import Template
from podium.scheduler.rules.base import Event, Hint, NodeChange, PodChange, Refusal, VolumeChange
from podium.scheduler.volumes import ClaimKey, VolumePlan, Volumes, is_bound, topology_allowed

NAME = "VolumeBinding"
RESTRICTIONS = "VolumeRestrictions"

ELSEWHERE = Refusal(NAME, ("node(s) didn't match PersistentVolume's node affinity",), final=True)
NO_VOLUME = Refusal(NAME, ("node(s) didn't find available persistent volumes to bind",), final=True)
LOST = Refusal(NAME, ("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",), final=True)
UNBOUND = Refusal(NAME, ("pod has unbound immediate PersistentVolumeClaims",), final=True)
IN_USE = Refusal(
    RESTRICTIONS,
    ("node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",),
)
NO_PROVISIONER = "kubernetes.io/no-provisioner"


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A claim that gets a volume once the Pod has a node."""

    key: ClaimKey
    claim: core_v1.PersistentVolumeClaim
    node: str
    """Where it is being provisioned already."""


class VolumeBinding:
    """The claims of a Pod, as the cluster is now."""

    def __init__(self, pod: Template, cache: Cache) -> None:
        self._volumes = cache.volumes
        self._bound: list[tuple[NodeTerm, ...] | None] = []
        self._lost = False
        self._wanted: list[_Wanted] = []
        self._in_use = False
        self.problem: Refusal | None = None
        """Why no node would do, whatever the nodes are."""
        for name, ephemeral in pod.claims:
            key = (pod.namespace, name)
            claim = self._volumes.claims.get(key)
            self.problem = self.problem or _problem(name, ephemeral, claim, self._volumes)
            if claim is not None and self.problem is None:
                self._take(key, claim)
                once = "ReadWriteOncePod" in claim.spec.accessModes
                self._in_use = self._in_use or (once and bool(cache.claim_users.get(key)))
        self._wanted.sort(key=lambda one: _requested(one.claim))

    def _take(self, key: ClaimKey, claim: core_v1.PersistentVolumeClaim) -> None:
        if not is_bound(claim):
            self._wanted.append(_Wanted(key, claim, self._volumes.selected_node(key)))
            return
        volume = self._volumes.volumes.get(claim.spec.volumeName)
        if volume is None:
            self._lost = True
        else:
            self._bound.append(_terms(volume))

    def refuses(self, node: NodeInfo) -> Refusal | None:
        if self._in_use:
            return IN_USE
        if not all(_reaches(terms, node.facts) for terms in self._bound):
            return ELSEWHERE
        if self._lost:
            return LOST
        return NO_VOLUME if self._wanted and self.plan(node) is None else None

    def plan(self, node: NodeInfo) -> VolumePlan | None:
        """How the claims get volumes if the Pod goes to this node; None if they can't."""
        static: dict[str, ClaimKey] = {}
        provision: list[ClaimKey] = []
        for wanted in self._wanted:
            if wanted.node and wanted.node != node.name:
                return None
            found = None if wanted.node else self._match(wanted, node.facts, static)
            if found is not None:
                static[found] = wanted.key
            elif self._can_provision(wanted.claim, node.facts):
                provision.append(wanted.key)
            else:
                return None
        return VolumePlan(node.name, tuple(static.items()), tuple(provision))

    def _match(self, wanted: _Wanted, node: NodeFacts, taken: Collection[str]) -> str | None:
        """The smallest volume that fits; one that was reserved for the claim comes first."""
        fitting = [
            (volume.spec.claimRef is None, number(volume.spec.capacity.get("storage", "0")), name)
            for name, volume in self._volumes.volumes.items()
            if name not in taken
            and self._volumes.promised.get(name, wanted.key) == wanted.key
            and _fits(volume, wanted.claim)
            and _reaches(_terms(volume), node)
        ]
        return min(fitting)[2] if fitting else None

    def _can_provision(self, claim: core_v1.PersistentVolumeClaim, node: NodeFacts) -> bool:
        found = self._volumes.classes.get(claim.spec.storageClassName or "")
        return (
            found is not None and found.provisioner not in ("", NO_PROVISIONER) and topology_allowed(found, node.labels)
        )


def _problem(
    name: str, ephemeral: bool, claim: core_v1.PersistentVolumeClaim | None, volumes: Volumes
) -> Refusal | None:
    if claim is None:
        if ephemeral:
            why = f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
        else:
            why = f'persistentvolumeclaim "{name}" not found'
    elif claim.status.phase == "Lost":
        why = f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{claim.spec.volumeName}"'
    elif claim.metadata.deletionTimestamp is not None:
        why = f'persistentvolumeclaim "{name}" is being deleted'
    elif not is_bound(claim) and not volumes.waits_for_consumer(claim):
        return UNBOUND
    else:
        return None
    return Refusal(NAME, (why,), final=True)


def _requested(claim: core_v1.PersistentVolumeClaim) -> Decimal:
    return number(claim.spec.resources.requests.get("storage", "0"))


def _terms(volume: core_v1.PersistentVolume) -> tuple[NodeTerm, ...] | None:
    affinity = volume.spec.nodeAffinity
    if affinity is None or affinity.required is None:
        return None
    return tuple(node_term(term) for term in affinity.required.nodeSelectorTerms)


def _reaches(terms: tuple[NodeTerm, ...] | None, node: NodeFacts) -> bool:
    return terms is None or any(term.matches(node.name, node.labels) for term in terms)


def _fits(volume: core_v1.PersistentVolume, claim: core_v1.PersistentVolumeClaim) -> bool:
    """Whether the volume is free, or kept for this claim, and is what the claim asks for."""
    spec, wanted = volume.spec, claim.spec
    kept_for = spec.claimRef
    if kept_for is None:
        if volume.status.phase != "Available":
            return False
    elif (kept_for.namespace, kept_for.name) != (claim.metadata.namespace, claim.metadata.name) or (
        kept_for.uid and kept_for.uid != claim.metadata.uid
    ):
        return False
    return (
        volume.metadata.deletionTimestamp is None
        and spec.storageClassName == (wanted.storageClassName or "")
        and (spec.volumeMode or "Filesystem") == (wanted.volumeMode or "Filesystem")
        and set(wanted.accessModes) <= set(spec.accessModes)
        and number(spec.capacity.get("storage", "0")) >= number(wanted.resources.requests.get("storage", "0"))
        and (wanted.selector is None or compile(wanted.selector).matches(volume.metadata.labels))
    )


def prepare(pod: Template, cache: Cache) -> VolumeBinding | None:
    """None if the Pod has no claims."""
    return VolumeBinding(pod, cache) if pod.claims else None


def helps(event: Event, pod: Template) -> bool:
    """One of its claims changed, any volume or class, or a node that came or has other labels."""
    if isinstance(event, VolumeChange):
        return event.claim is None or (
            event.claim[0] == pod.namespace and any(name == event.claim[1] for name, _ in pod.claims)
        )
    if isinstance(event, NodeChange):
        return event.after is not None and (event.before is None or event.before.labels != event.after.labels)
    return False


def restriction_helps(event: Event, pod: Template) -> bool:
    """A Pod that used one of its claims left."""
    if not isinstance(event, PodChange) or event.before is None or event.after is not None:
        return False
    left = event.before.template
    return left.namespace == pod.namespace and any(claim in left.claims for claim in pod.claims)


HINT = Hint(NAME, (VolumeChange, NodeChange), helps)
RESTRICTION_HINT = Hint(RESTRICTIONS, (PodChange,), restriction_helps)
