"""What a ReplicationController has that a ReplicaSet hasn't: a plain map as selector, conditions of its own type."""

from __future__ import annotations

from podium.client.queue import WorkQueue
from podium.controllers.context import Context, Key
from podium.controllers.replicaset.controller import Kind, ReplicaSetController
from podium.models import apps_v1, core_v1
from podium.models.selectors import of_labels


def status(said: apps_v1.ReplicaSetStatus) -> core_v1.ReplicationControllerStatus:
    """It doesn't tell of terminating Pods."""
    return core_v1.ReplicationControllerStatus(
        replicas=said.replicas,
        fullyLabeledReplicas=said.fullyLabeledReplicas,
        readyReplicas=said.readyReplicas,
        availableReplicas=said.availableReplicas,
        observedGeneration=said.observedGeneration,
        conditions=tuple(
            core_v1.ReplicationControllerCondition(
                type=one.type,
                status=one.status,
                reason=one.reason,
                message=one.message,
                lastTransitionTime=one.lastTransitionTime,
            )
            for one in said.conditions
        ),
    )


REPLICATION_CONTROLLER = Kind(
    core_v1.ReplicationController,
    "replication-controller",
    lambda controller: of_labels(controller.spec.selector),
    status,
)


class ReplicationManager(ReplicaSetController):
    def __init__(self, context: Context, queue: WorkQueue[Key]) -> None:
        super().__init__(context, queue, REPLICATION_CONTROLLER)
