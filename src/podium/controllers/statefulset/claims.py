"""Who owns a claim, and so when it is collected: persistentVolumeClaimRetentionPolicy (KEP-1847). Pure.

whenDeleted=Delete: the set owns the claims, they go with it. whenScaled=Delete: a Pod that is scaled away owns its
claims, they go with it; until then nobody does, or the set.
"""

from __future__ import annotations

from collections.abc import Iterable

from podium.controllers.statefulset import identity
from podium.models import apps_v1, core_v1, meta_v1, owners

Object = apps_v1.StatefulSet | core_v1.Pod


def conflict_message(claim: core_v1.PersistentVolumeClaim) -> str:
    return (
        f"PersistentVolumeClaim {claim.metadata.name} has a conflicting OwnerReference that acts as a manging "
        "controller, the retention policy is ignored for this claim"
    )


def policy(stateful_set: apps_v1.StatefulSet) -> tuple[bool, bool]:
    """Whether claims are deleted with the set, and whether with Pods that are scaled away."""
    said = stateful_set.spec.persistentVolumeClaimRetentionPolicy
    return (said is not None and said.whenDeleted == "Delete", said is not None and said.whenScaled == "Delete")


def _names(reference: meta_v1.OwnerReference, obj: Object) -> bool:
    return (reference.apiVersion, reference.kind, reference.name) == (obj.apiVersion, obj.kind, obj.metadata.name)


def is_stale(claim: core_v1.PersistentVolumeClaim, obj: Object) -> bool:
    """Whether it belongs to an earlier one of the same name, and will be collected with that."""
    for reference in claim.metadata.ownerReferences:
        if _names(reference, obj):
            return reference.uid != obj.metadata.uid
    return False


def holds_back(
    stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod, claims: Iterable[core_v1.PersistentVolumeClaim]
) -> bool:
    """Whether the Pod must not be created yet: a claim of its predecessor is still to be collected."""
    _, when_scaled = policy(stateful_set)
    return when_scaled and any(is_stale(claim, pod) for claim in claims)


def has_conflict(claim: core_v1.PersistentVolumeClaim, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
    """Whether somebody else controls a claim that the policy is about."""
    if not any(policy(stateful_set)):
        return False
    for reference in claim.metadata.ownerReferences:
        own = [obj for obj in (stateful_set, pod) if _names(reference, obj)]
        if own and reference.uid != own[0].metadata.uid:
            return True
        if not own and reference.controller:
            return True
    return False


def owner_references(
    claim: core_v1.PersistentVolumeClaim, stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod
) -> tuple[meta_v1.OwnerReference, ...]:
    """What the claim's owners have to be; the very same ones where nothing is to be done."""
    references = claim.metadata.ownerReferences
    if is_stale(claim, stateful_set) or is_stale(claim, pod):
        return references
    others = [one for one in references if not _names(one, stateful_set) and not _names(one, pod)]
    conflict = has_conflict(claim, stateful_set, pod)
    owner = None if conflict else _owner(stateful_set, pod)
    if owner is not None:
        others.append(owners.new_controller_ref(owner))
    ours = {(one.uid, bool(one.controller)) for one in references if _names(one, stateful_set) or _names(one, pod)}
    wanted = set() if owner is None else {(owner.metadata.uid, True)}
    return references if ours == wanted else tuple(others)


def _owner(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> Object | None:
    when_deleted, when_scaled = policy(stateful_set)
    if when_scaled and not identity.in_range(stateful_set, identity.ordinal_of(pod)):
        return pod
    return stateful_set if when_deleted else None
