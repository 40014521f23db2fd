"""RuntimeClass: what a Pod's runtime needs on top (overhead) and where it is to be found (scheduling)."""

from __future__ import annotations

from podium.models.core_v1 import Pod
from podium.models.node_v1 import RuntimeClass, Scheduling
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes

CLASSES = "runtimeclasses.node.k8s.io"


class RuntimeClasses(Base):
    resources = ("pods",)

    def admit(self, attributes: Attributes) -> None:
        pod: Pod = attributes.obj
        if not pod.spec.runtimeClassName:
            if pod.spec.overhead:
                raise forbidden(
                    attributes, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
                )
            return
        found = attributes.core.live(CLASSES).get("", pod.spec.runtimeClassName)
        if found is None:
            raise forbidden(attributes, f'pod rejected: RuntimeClass "{pod.spec.runtimeClassName}" not found')
        chosen: RuntimeClass = found.object
        overhead = chosen.overhead.podFixed if chosen.overhead else {}
        if pod.spec.overhead and pod.spec.overhead != overhead:
            raise forbidden(attributes, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
        pod.spec.overhead = dict(overhead)
        if chosen.scheduling is not None:
            _schedule(attributes, pod, chosen.scheduling)


def _schedule(attributes: Attributes, pod: Pod, scheduling: Scheduling) -> None:
    for key, value in scheduling.nodeSelector.items():
        own = pod.spec.nodeSelector.get(key, value)
        if own != value:
            raise forbidden(
                attributes,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {own}",
            )
    pod.spec.nodeSelector = {**pod.spec.nodeSelector, **scheduling.nodeSelector}
    added = tuple(one for one in scheduling.tolerations if one not in pod.spec.tolerations)
    pod.spec.tolerations = (*pod.spec.tolerations, *added)
