"""Priority: a Pod's priority comes from its PriorityClass, never from the client."""

from __future__ import annotations

from podium.models.core_v1 import Pod
from podium.models.scheduling_v1 import PriorityClass
from podium.registry.admission.base import Base, forbidden
from podium.registry.admission.chain import Attributes
from podium.registry.strategies.priority_class import SYSTEM

CLASSES = "priorityclasses.scheduling.k8s.io"
_PREEMPT = "PreemptLowerPriority"


class PodPriority(Base):
    resources = ("pods",)
    operations = ("CREATE", "UPDATE")

    def admit(self, attributes: Attributes) -> None:
        pod: Pod = attributes.obj
        if attributes.operation == "UPDATE":
            old: Pod = attributes.old
            if pod.spec.priority is None:
                pod.spec.priority = old.spec.priority
            pod.spec.preemptionPolicy = pod.spec.preemptionPolicy or old.spec.preemptionPolicy
            return
        chosen = _class(attributes, pod.spec.priorityClassName)
        value, policy = 0, _PREEMPT
        if chosen is not None:
            pod.spec.priorityClassName = chosen.metadata.name
            value, policy = chosen.value or 0, chosen.preemptionPolicy or _PREEMPT
        if pod.spec.priority is not None and pod.spec.priority != value:
            raise forbidden(
                attributes,
                f"the integer value of priority ({pod.spec.priority}) must not be provided in pod spec; priority "
                f"admission controller computed {value} from the given PriorityClass name",
            )
        if pod.spec.preemptionPolicy and pod.spec.preemptionPolicy != policy:
            raise forbidden(
                attributes,
                f"the string value of PreemptionPolicy ({pod.spec.preemptionPolicy}) must not be provided in pod spec; "
                f"priority admission controller computed {policy} from the given PriorityClass name",
            )
        pod.spec.priority, pod.spec.preemptionPolicy = value, policy


def _class(attributes: Attributes, name: str) -> PriorityClass | None:
    """The class named; without a name the global default, if there is one (of several the lowest)."""
    classes = attributes.core.live(CLASSES)
    if name:
        found = classes.get("", name)
        if found is None:
            raise forbidden(attributes, f"no PriorityClass with name {name} was found")
        named: PriorityClass = found.object
        return named
    defaults: list[PriorityClass] = [entry.object for entry in classes if entry.object.globalDefault]
    return min(defaults, key=lambda one: one.value or 0, default=None)


class SystemPriorities(Base):
    """The classes that every cluster has stay."""

    resources = (CLASSES,)
    operations = ("DELETE",)

    def validate(self, attributes: Attributes) -> None:
        if attributes.name in SYSTEM:
            raise forbidden(attributes, "this is a system priority class and cannot be deleted")


class OneDefaultPriority(Base):
    """At most one PriorityClass is the global default."""

    resources = (CLASSES,)
    operations = ("CREATE", "UPDATE")

    def validate(self, attributes: Attributes) -> None:
        if not attributes.obj.globalDefault:
            return
        for entry in attributes.core.live(CLASSES):
            other = entry.object.metadata.name
            if entry.object.globalDefault and other != attributes.obj.metadata.name:
                raise forbidden(
                    attributes,
                    f"PriorityClass {other} is already marked as default. Only one default can exist",
                )
