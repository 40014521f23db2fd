"""Which ReplicaSet is the Deployment's newest, what it is called, and which number each revision has. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from typing import Any

from podium.controllers.deployment import limits
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from podium.models.identifiers import safe_hash
from podium.models.numbers import natural

HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
LONGEST_HISTORY = 2000
HIGHEST = 2**62
"""Of the revision numbers that are taken for ones: there are higher ones to follow."""
LONGEST_NAME = 253
_OWN_ANNOTATIONS = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        REVISION,
        HISTORY,
        DESIRED,
        MAXIMUM,
    }
)


def by_age(replica_sets: Iterable[apps_v1.ReplicaSet]) -> list[apps_v1.ReplicaSet]:
    """Oldest first."""

    def age(replica_set: apps_v1.ReplicaSet) -> tuple[Any, str]:
        created = replica_set.metadata.creationTimestamp
        return (created.timestamp() if created else 0.0, replica_set.metadata.name)

    return sorted(replica_sets, key=age)


def same_template(one: core_v1.PodTemplateSpec, other: core_v1.PodTemplateSpec) -> bool:
    """Whether two templates make the same Pods, the label of the hash aside."""
    if one.spec != other.spec:
        return False
    return _without_hash(one.metadata) == _without_hash(other.metadata)


def _without_hash(metadata: meta_v1.ObjectMeta) -> tuple[object, ...]:
    labels = {key: value for key, value in metadata.labels.items() if key != HASH_LABEL}
    return (labels, metadata.annotations, metadata.finalizers, metadata.name, metadata.generateName)


def find_new(deployment: apps_v1.Deployment, replica_sets: Iterable[apps_v1.ReplicaSet]) -> apps_v1.ReplicaSet | None:
    """The ReplicaSet of the current template; the oldest if, after some accident, there are several."""
    template = deployment.spec.template
    return next((one for one in by_age(replica_sets) if same_template(one.spec.template, template)), None)


def template_hash(template: core_v1.PodTemplateSpec, collisions: int | None) -> str:
    """What distinguishes a template's ReplicaSet and Pods from others: stable between runs and versions of Podium."""
    tree = codec.to_tree(template)
    text = json.dumps(tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    if collisions is not None:
        text += str(collisions)
    digest = hashlib.sha256(text.encode()).digest()
    return safe_hash(int.from_bytes(digest[:4], "big"))


def revision(obj: owners.Object) -> int:
    """The revision number that is noted on the object; 0 if there is none, or none that can be read."""
    return natural(obj.metadata.annotations.get(REVISION, ""), HIGHEST) or 0


def next_revision(old: Iterable[apps_v1.ReplicaSet]) -> int:
    """The number that the newest ReplicaSet has to have: one more than all others."""
    return max(map(revision, old), default=0) + 1


def new_annotations(deployment: apps_v1.Deployment, existing: Mapping[str, str], number: int) -> Mapping[str, str]:
    """What the annotations of the new ReplicaSet have to be: the Deployment's, and its revision number.

    A ReplicaSet that is rolled back to gets a new number; the ones it had go into its history.
    """
    result = dict(existing)
    result.update((key, value) for key, value in deployment.metadata.annotations.items() if key not in _OWN_ANNOTATIONS)
    before = existing.get(REVISION)
    if before is None or (natural(before) or 0) < number:
        result[REVISION] = str(number)
        if before is not None:
            result[HISTORY] = _history(existing.get(HISTORY, ""), before)
    return result


def _history(history: str, number: str) -> str:
    """The history with one more number, the oldest ones left out if it gets too long."""
    newest_first = [number, *reversed([one for one in history.split(",") if one])]
    lengths = accumulate(len(one) + 1 for one in newest_first)
    fitting = sum(length - 1 <= LONGEST_HISTORY for length in lengths)
    return ",".join(reversed(newest_first[: max(fitting, 1)]))


def scale_annotations(deployment: apps_v1.Deployment) -> dict[str, str]:
    """What a ReplicaSet notes of the Deployment's size when it is scaled: later, a difference shows that the Deployment
    was scaled rather than rolled out."""
    return {DESIRED: str(limits.wanted(deployment)), MAXIMUM: str(limits.max_total(deployment))}


def noted(replica_set: apps_v1.ReplicaSet, annotation: str) -> int | None:
    """The number in one of the annotations above."""
    return natural(replica_set.metadata.annotations.get(annotation, ""))


def new_replica_set(deployment: apps_v1.Deployment, old: Sequence[apps_v1.ReplicaSet]) -> apps_v1.ReplicaSet:
    """The ReplicaSet of the Deployment's current template, with no replicas yet."""
    template = codec.copy(deployment.spec.template)
    name_hash = template_hash(template, deployment.status.collisionCount)
    template.metadata.labels = {**template.metadata.labels, HASH_LABEL: name_hash}
    selector = codec.copy(deployment.spec.selector) or meta_v1.LabelSelector()
    selector.matchLabels = {**selector.matchLabels, HASH_LABEL: name_hash}
    return apps_v1.ReplicaSet(
        metadata=meta_v1.ObjectMeta(
            name=f"{deployment.metadata.name[: LONGEST_NAME - len(name_hash) - 1]}-{name_hash}",
            namespace=deployment.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations={
                **new_annotations(deployment, {}, next_revision(old)),
                **scale_annotations(deployment),
            },
            ownerReferences=(owners.new_controller_ref(deployment),),
        ),
        spec=apps_v1.ReplicaSetSpec(
            replicas=0,
            minReadySeconds=deployment.spec.minReadySeconds,
            selector=selector,
            template=template,
        ),
    )


def superfluous(deployment: apps_v1.Deployment, old: Iterable[apps_v1.ReplicaSet]) -> list[apps_v1.ReplicaSet]:
    """The old ReplicaSets beyond revisionHistoryLimit, lowest revisions first, as far as nothing of them is left."""
    limit = deployment.spec.revisionHistoryLimit
    if limit is None or limit == limits.MAX_INT32:
        return []
    alive = [replica_set for replica_set in old if replica_set.metadata.deletionTimestamp is None]
    surplus = max(len(alive) - limit, 0)
    return [replica_set for replica_set in sorted(by_age(alive), key=revision)[:surplus] if _is_empty(replica_set)]


def _is_empty(replica_set: apps_v1.ReplicaSet) -> bool:
    return limits.is_observed(replica_set) and replica_set.status.replicas == 0 and limits.wanted(replica_set) == 0
