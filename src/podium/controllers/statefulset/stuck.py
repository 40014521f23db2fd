"""When an outdated Pod keeps a StatefulSet from going on, and nothing is lost by replacing it. Pure.

A set waits for each Pod to become ready before it goes on to the next. One that can't even start, because its image
doesn't exist or its command crashes, would hold up the very rollback that mends it. So such a Pod is replaced, where
the Kubernetes documentation ("forced rollback") asks for somebody to delete it.
"""

from __future__ import annotations

from podium.models import core_v1

_HOPELESS = frozenset(
    {
        "CrashLoopBackOff",
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
        "StartError",
    }
)


def cannot_start(pod: core_v1.Pod) -> bool:
    """No node takes it, or a container waits for what another template may bring."""
    if pod.metadata.deletionTimestamp is not None:
        return False
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False" and condition.reason == "Unschedulable":
            return True
        if condition.type == "Ready" and condition.status == "True":
            return False
    statuses = (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
    return any(
        status.state is not None and status.state.waiting is not None and status.state.waiting.reason in _HOPELESS
        for status in statuses
    )


def was_rejected(pod: core_v1.Pod) -> bool:
    """Whether its node refused to run it: it has failed, and no container has ever been."""
    statuses = (*pod.status.initContainerStatuses, *pod.status.containerStatuses)
    return pod.status.phase == "Failed" and not statuses
