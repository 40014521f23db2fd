"""The Events that the node agent tells about containers, in the kubelet's words."""

from __future__ import annotations

from podium.agent.image_names import INVALID
from podium.agent.restart import duration
from podium.client.events import EventRecorder
from podium.models.core_v1 import Container, Pod

NORMAL, WARNING = "Normal", "Warning"


class ContainerEvents:
    """Tells what happened to the containers of Pods."""

    def __init__(self, recorder: EventRecorder) -> None:
        self._recorder = recorder

    def pod(self, pod: Pod, kind: str, reason: str, message: str) -> None:
        self._recorder.event(pod, kind, reason, message)

    def container(self, pod: Pod, container: Container, kind: str, reason: str, message: str) -> None:
        self._recorder.event(pod, kind, reason, message, f"spec.{_part(pod, container)}{{{container.name}}}")

    def present(self, pod: Pod, container: Container) -> None:
        message = f'Container image "{container.image}" already present on machine and can be accessed by the pod'
        self.container(pod, container, NORMAL, "Pulled", message)

    def pulling(self, pod: Pod, container: Container) -> None:
        self.container(pod, container, NORMAL, "Pulling", f'Pulling image "{container.image}"')

    def pulled(self, pod: Pod, container: Container, seconds: float) -> None:
        took = f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.3f}s"
        message = f'Successfully pulled image "{container.image}" in {took} ({took} including waiting).'
        self.container(pod, container, NORMAL, "Pulled", message)

    def pull_failed(self, pod: Pod, container: Container, reason: str, error: str) -> None:
        self.container(pod, container, WARNING, "Failed", f'Failed to pull image "{container.image}": {error}')
        self.container(pod, container, WARNING, "Failed", f"Error: {reason}")

    def image_refused(self, pod: Pod, container: Container, reason: str, message: str) -> None:
        self.container(pod, container, WARNING, "InspectFailed" if reason == INVALID else reason, message)
        self.failed(pod, container, reason)

    def pull_backoff(self, pod: Pod, container: Container) -> None:
        self.container(pod, container, NORMAL, "BackOff", f'Back-off pulling image "{container.image}"')
        self.container(pod, container, WARNING, "Failed", "Error: ImagePullBackOff")

    def created(self, pod: Pod, container: Container) -> None:
        self.container(pod, container, NORMAL, "Created", "Container created")

    def started(self, pod: Pod, container: Container) -> None:
        self.container(pod, container, NORMAL, "Started", "Container started")

    def failed(self, pod: Pod, container: Container, error: str) -> None:
        self.container(pod, container, WARNING, "Failed", f"Error: {error}")

    def killing(self, pod: Pod, container: Container, message: str = "") -> None:
        self.container(pod, container, NORMAL, "Killing", message or f"Stopping container {container.name}")

    def restart_backoff(self, pod: Pod, container: Container) -> None:
        message = f"Back-off restarting failed container {container.name} in pod {full_name(pod)}"
        self.container(pod, container, WARNING, "BackOff", message)


def _part(pod: Pod, container: Container) -> str:
    if any(one.name == container.name for one in pod.spec.containers):
        return "containers"
    ephemeral = any(one.name == container.name for one in pod.spec.ephemeralContainers)
    return "ephemeralContainers" if ephemeral else "initContainers"


def full_name(pod: Pod) -> str:
    """As the kubelet names a Pod in messages: name_namespace(uid)."""
    metadata = pod.metadata
    return f"{metadata.name}_{metadata.namespace}({metadata.uid})"


def crash_loop(pod: Pod, container: Container, seconds: float) -> tuple[str, str]:
    """Waiting reason and message of a container that waits for its restart."""
    wait = duration(seconds)
    return "CrashLoopBackOff", f"back-off {wait} restarting failed container={container.name} pod={full_name(pod)}"
