"""DefaultIngressClass: an Ingress that names no class, in either way, gets the default one."""

from __future__ import annotations

from datetime import UTC, datetime

from podium.models.networking_v1 import Ingress, IngressClass
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

CLASSES = "ingressclasses.networking.k8s.io"
IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
NAMED_BEFORE = "kubernetes.io/ingress.class"
"""The annotation that named a class before there was a field for it."""
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class DefaultIngressClass(Base):
    resources = ("ingresses.networking.k8s.io",)

    def admit(self, attributes: Attributes) -> None:
        ingress: Ingress = attributes.obj
        if ingress.spec.ingressClassName or NAMED_BEFORE in ingress.metadata.annotations:
            return
        classes: list[IngressClass] = [entry.object for entry in attributes.core.live(CLASSES)]
        defaults = [one for one in classes if one.metadata.annotations.get(IS_DEFAULT) == "true"]
        if defaults:
            ingress.spec.ingressClassName = min(defaults, key=_newest_first).metadata.name


def _newest_first(one: IngressClass) -> tuple[float, str]:
    created = one.metadata.creationTimestamp or _BEGINNING
    return -created.timestamp(), one.metadata.name
