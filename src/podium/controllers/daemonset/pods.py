"""A DaemonSet's Pods: how a new one looks, which node one is for, whether one is of the current template. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from podium.controllers.daemonset.eligibility import tolerations
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from podium.models.node_terms import NAME_FIELD

HASH_LABEL = "controller-revision-hash"
GENERATION_LABEL = "pod-template-generation"
GENERATION_ANNOTATION = "deprecated.daemonset.template.generation"


def template_generation(daemon_set: apps_v1.DaemonSet) -> str:
    """How often the template changed, as old clients know it; "" if nothing says so."""
    text = daemon_set.metadata.annotations.get(GENERATION_ANNOTATION, "")
    return text if text.isascii() and text.isdigit() else ""


def new_pod(daemon_set: apps_v1.DaemonSet, node: str, name_hash: str) -> core_v1.Pod:
    """A Pod that the scheduler can bind to that node only. Shares nothing with the template."""
    template = codec.copy(daemon_set.spec.template)
    spec = template.spec
    spec.tolerations = tolerations(spec)
    spec.affinity = _only(spec.affinity, node)
    labels = {**template.metadata.labels, HASH_LABEL: name_hash}
    generation = template_generation(daemon_set)
    if generation:
        labels[GENERATION_LABEL] = generation
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generateName=f"{daemon_set.metadata.name}-",
            namespace=daemon_set.metadata.namespace,
            labels=labels,
            annotations=template.metadata.annotations,
            finalizers=template.metadata.finalizers,
            ownerReferences=(owners.new_controller_ref(daemon_set),),
        ),
        spec=spec,
    )


def _only(affinity: core_v1.Affinity | None, node: str) -> core_v1.Affinity:
    """The affinity with the node's name in the place of other required terms: those were looked at already."""
    affinity = affinity or core_v1.Affinity()
    by_name = core_v1.NodeSelectorRequirement(key=NAME_FIELD, operator="In", values=(node,))
    affinity.nodeAffinity = affinity.nodeAffinity or core_v1.NodeAffinity()
    affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution = core_v1.NodeSelector(
        nodeSelectorTerms=(core_v1.NodeSelectorTerm(matchFields=(by_name,)),)
    )
    return affinity


def target_node(pod: core_v1.Pod) -> str:
    """The node it is on, or that its affinity names; "" if it names none."""
    if pod.spec.nodeName:
        return pod.spec.nodeName
    affinity = pod.spec.affinity.nodeAffinity if pod.spec.affinity is not None else None
    required = affinity.requiredDuringSchedulingIgnoredDuringExecution if affinity is not None else None
    for term in required.nodeSelectorTerms if required is not None else ():
        for field in term.matchFields:
            if field.key == NAME_FIELD and field.operator == "In" and len(field.values) == 1:
                return field.values[0]
    return ""


def is_updated(pod: core_v1.Pod, name_hash: str, generation: str) -> bool:
    labels = pod.metadata.labels
    return labels.get(HASH_LABEL) == name_hash or (generation != "" and labels.get(GENERATION_LABEL) == generation)


def oldest_first(pods: Iterable[core_v1.Pod]) -> list[core_v1.Pod]:
    """Bound ones before others, then by age."""

    def age(pod: core_v1.Pod) -> tuple[bool, float, str]:
        created: datetime | None = pod.metadata.creationTimestamp
        return (not pod.spec.nodeName, created.timestamp() if created else 0.0, pod.metadata.name)

    return sorted(pods, key=age)
