"""What makes a StatefulSet's Pod that very one: its ordinal, name, labels and claims. Pure."""

from __future__ import annotations

import re

from podium.models import apps_v1, codec, core_v1, meta_v1, owners

POD_NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
REVISION_LABEL = "controller-revision-hash"
"""Of Pods: the name of their revision."""
HASH_LABEL = "controller.kubernetes.io/hash"
"""Of revisions: the hash in their name."""

_NAME = re.compile(r"(.*)-([0-9]+)", re.ASCII | re.DOTALL)


def parent_and_ordinal(name: str) -> tuple[str, int]:
    """("web", 3) for web-3; ("", -1) for a name that no StatefulSet would give."""
    match = _NAME.fullmatch(name)
    if match is None:
        return "", -1
    ordinal = int(match[2])
    return match[1], ordinal if ordinal < 2**31 else -1


def ordinal_of(pod: core_v1.Pod) -> int:
    return parent_and_ordinal(pod.metadata.name)[1]


def is_member(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
    """Whether its name is one that the set gives. web-01 is none: there is a web-1."""
    parent, ordinal = parent_and_ordinal(pod.metadata.name)
    return parent == stateful_set.metadata.name and pod.metadata.name == pod_name(stateful_set, ordinal)


def replicas(stateful_set: apps_v1.StatefulSet) -> int:
    return 1 if stateful_set.spec.replicas is None else stateful_set.spec.replicas


def start(stateful_set: apps_v1.StatefulSet) -> int:
    ordinals = stateful_set.spec.ordinals
    return 0 if ordinals is None else ordinals.start or 0


def in_range(stateful_set: apps_v1.StatefulSet, ordinal: int) -> bool:
    first = start(stateful_set)
    return first <= ordinal < first + replicas(stateful_set)


def pod_name(stateful_set: apps_v1.StatefulSet, ordinal: int) -> str:
    return f"{stateful_set.metadata.name}-{ordinal}"


def claim_name(stateful_set: apps_v1.StatefulSet, template: core_v1.PersistentVolumeClaim, ordinal: int) -> str:
    return f"{template.metadata.name}-{stateful_set.metadata.name}-{ordinal}"


def claim_names(stateful_set: apps_v1.StatefulSet, ordinal: int) -> dict[str, str]:
    """The claims of a Pod, by the name that they have as a volume."""
    templates = stateful_set.spec.volumeClaimTemplates
    return {template.metadata.name: claim_name(stateful_set, template, ordinal) for template in templates}


def new_claims(stateful_set: apps_v1.StatefulSet, ordinal: int) -> list[core_v1.PersistentVolumeClaim]:
    selector = stateful_set.spec.selector or meta_v1.LabelSelector()
    claims = []
    for template in stateful_set.spec.volumeClaimTemplates:
        claim = codec.copy(template)
        claim.metadata.name = claim_name(stateful_set, template, ordinal)
        claim.metadata.namespace = stateful_set.metadata.namespace
        claim.metadata.labels = {**claim.metadata.labels, **selector.matchLabels}
        claims.append(claim)
    return claims


def new_pod(
    stateful_set: apps_v1.StatefulSet, template: core_v1.PodTemplateSpec, ordinal: int, revision: str
) -> core_v1.Pod:
    """The Pod of an ordinal, by the template of a revision. Shares nothing with either."""
    template = codec.copy(template)
    name = pod_name(stateful_set, ordinal)
    pod = core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            generateName=f"{stateful_set.metadata.name}-",
            namespace=stateful_set.metadata.namespace,
            labels={**template.metadata.labels, REVISION_LABEL: revision},
            annotations=template.metadata.annotations,
            finalizers=template.metadata.finalizers,
            ownerReferences=(owners.new_controller_ref(stateful_set),),
        ),
        spec=template.spec,
    )
    pod.spec.hostname = name
    pod.spec.subdomain = stateful_set.spec.serviceName
    return repaired(stateful_set, pod)


def identity_matches(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
    return is_member(stateful_set, pod) and pod.metadata.labels.get(POD_NAME_LABEL) == pod.metadata.name


def storage_matches(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> bool:
    """Whether each claim template is a volume of the Pod."""
    wanted = claim_names(stateful_set, ordinal_of(pod))
    volumes = {volume.name: volume.persistentVolumeClaim for volume in pod.spec.volumes} if wanted else {}
    return all(
        (source := volumes.get(volume)) is not None and source.claimName == claim for volume, claim in wanted.items()
    )


def repaired(stateful_set: apps_v1.StatefulSet, pod: core_v1.Pod) -> core_v1.Pod:
    """The Pod, which is changed, with the labels and volumes that it has to have."""
    ordinal = ordinal_of(pod)
    pod.metadata.labels = {**pod.metadata.labels, POD_NAME_LABEL: pod.metadata.name, INDEX_LABEL: str(ordinal)}
    wanted = claim_names(stateful_set, ordinal)
    claimed = [
        core_v1.Volume(name=volume, persistentVolumeClaim=core_v1.PersistentVolumeClaimVolumeSource(claimName=claim))
        for volume, claim in wanted.items()
    ]
    pod.spec.volumes = (*claimed, *(volume for volume in pod.spec.volumes if volume.name not in wanted))
    return pod


def revision_of(pod: core_v1.Pod) -> str:
    return pod.metadata.labels.get(REVISION_LABEL, "")
