"""The counts in the status of what keeps a number of Pods: none below 0, parts within their total."""

from __future__ import annotations

from typing import Any

from podium.machinery import field
from podium.models.apps_v1 import ReplicaSet
from podium.models.core_v1 import ReplicationController
from podium.registry.strategies import checks
from podium.registry.strategies.checks import STATUS, Errors

_COUNTS = ("replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration")


def validate_status(new: ReplicaSet | ReplicationController, _old: Any) -> Errors:
    status = new.status
    errors = checks.not_negative(STATUS, status, *_COUNTS)
    errors += checks.at_most(STATUS, status, "replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return errors + available_within_ready(status)


def available_within_ready(status: Any) -> Errors:
    if (status.availableReplicas or 0) > (status.readyReplicas or 0):
        where = STATUS.child("availableReplicas")
        return [field.invalid(where, status.availableReplicas, "cannot be greater than readyReplicas")]
    return []
