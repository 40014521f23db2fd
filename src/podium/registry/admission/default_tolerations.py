"""DefaultTolerationSeconds: a Pod stays five minutes on a node that is not ready or cannot be reached."""

from __future__ import annotations

from podium.models.core_v1 import Pod, Toleration
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes

SECONDS = 300
_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_DEFAULTS = {
    key: Toleration(key=key, operator="Exists", effect="NoExecute", tolerationSeconds=SECONDS) for key in _TAINTS
}


class DefaultTolerations(Base):
    resources = ("pods",)
    operations = ("CREATE", "UPDATE")

    def admit(self, attributes: Attributes) -> None:
        pod: Pod = attributes.obj
        missing = tuple(_DEFAULTS[key] for key in _TAINTS if not _tolerates(pod, key))
        if missing:
            pod.spec.tolerations = (*pod.spec.tolerations, *missing)


def _tolerates(pod: Pod, key: str) -> bool:
    return any(one.key in ("", key) and one.effect in ("", "NoExecute") for one in pod.spec.tolerations)
