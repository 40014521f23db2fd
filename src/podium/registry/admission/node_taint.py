"""TaintNodesByCondition: a new node takes no Pods until it has said that it is ready."""

from __future__ import annotations

from podium.models.core_v1 import Node, Taint
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

NOT_READY = Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule")


class NewNodeTaint(Base):
    resources = ("nodes",)

    def admit(self, attributes: Attributes) -> None:
        node: Node = attributes.obj
        if not any(one.key == NOT_READY.key and one.effect == NOT_READY.effect for one in node.spec.taints):
            node.spec.taints = (*node.spec.taints, NOT_READY)
