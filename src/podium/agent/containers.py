"""The containers of a Pod, of every sort."""

from __future__ import annotations

from typing import cast

from podium.models.core_v1 import Container, Pod


def ephemeral(pod: Pod) -> tuple[Container, ...]:
    """Those that were added to a running Pod. They have all that containers have, and more that is not used here: their
    processes see the others' anyway (API reference: EphemeralContainer.targetContainerName)."""
    return cast("tuple[Container, ...]", pod.spec.ephemeralContainers)


def everything(pod: Pod) -> tuple[Container, ...]:
    return (*pod.spec.initContainers, *pod.spec.containers, *ephemeral(pod))
