"""Workloads as tables: how many Pods are wanted, there, ready and up to date."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from podium.models.apps_v1 import ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet
from podium.models.batch_v1 import CronJob, Job
from podium.models.core_v1 import PodTemplate, ReplicationController
from podium.registry.columns.base import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    NONE,
    SELECTOR,
    Cells,
    Column,
    Columns,
    age,
    boolean,
    condition,
    containers,
    labels,
    number,
    selector,
    since,
    text,
)
from podium.registry.columns.duration import human_duration

_WIDE = (CONTAINERS, IMAGES, SELECTOR)


def _replica_set(obj: ReplicaSet, now: datetime) -> Cells:
    counts = [obj.spec.replicas or 0, obj.status.replicas, obj.status.readyReplicas or 0]
    pods = containers(obj.spec.template.spec.containers)
    return [obj.metadata.name, *counts, age(obj, now), *pods, selector(obj.spec.selector)]


def _replication_controller(obj: ReplicationController, now: datetime) -> Cells:
    counts = [obj.spec.replicas or 0, obj.status.replicas, obj.status.readyReplicas or 0]
    pods = containers(obj.spec.template.spec.containers if obj.spec.template else ())
    return [obj.metadata.name, *counts, age(obj, now), *pods, labels(obj.spec.selector)]


REPLICAS = (
    NAME,
    number("Desired", "Pods that are wanted"),
    number("Current", "Pods that are there"),
    number("Ready", "Pods that are ready"),
    AGE,
    *_WIDE,
)
REPLICA_SETS = Columns(REPLICAS, _replica_set)
REPLICATION_CONTROLLERS = Columns(REPLICAS, _replication_controller)


def _deployment(obj: Deployment, now: datetime) -> Cells:
    status = obj.status
    return [
        obj.metadata.name,
        f"{status.readyReplicas or 0}/{obj.spec.replicas or 0}",
        status.updatedReplicas or 0,
        status.availableReplicas or 0,
        age(obj, now),
        *containers(obj.spec.template.spec.containers),
        selector(obj.spec.selector),
    ]


DEPLOYMENTS = Columns(
    (
        NAME,
        text("Ready", "Pods that are ready, of those wanted"),
        text("Up-to-date", "Pods of the current template"),
        text("Available", "Pods that have been ready for long enough"),
        AGE,
        *_WIDE,
    ),
    _deployment,
)


def _daemon_set(obj: DaemonSet, now: datetime) -> Cells:
    status = obj.status
    return [
        obj.metadata.name,
        status.desiredNumberScheduled,
        status.currentNumberScheduled,
        status.numberReady,
        status.updatedNumberScheduled or 0,
        status.numberAvailable or 0,
        labels(obj.spec.template.spec.nodeSelector),
        age(obj, now),
        *containers(obj.spec.template.spec.containers),
        selector(obj.spec.selector),
    ]


DAEMON_SETS = Columns(
    (
        NAME,
        number("Desired", "Nodes that should run a Pod"),
        number("Current", "Nodes that run a Pod and should"),
        number("Ready", "Nodes with a ready Pod"),
        number("Up-to-date", "Nodes with a Pod of the current template"),
        number("Available", "Nodes with a Pod that has been ready for long enough"),
        text("Node Selector", "Labels of the nodes that should run a Pod"),
        AGE,
        *_WIDE,
    ),
    _daemon_set,
)


def _stateful_set(obj: StatefulSet, now: datetime) -> Cells:
    ready = f"{obj.status.readyReplicas or 0}/{obj.spec.replicas or 0}"
    return [obj.metadata.name, ready, age(obj, now), *containers(obj.spec.template.spec.containers)]


STATEFUL_SETS = Columns(
    (NAME, text("Ready", "Pods that are ready, of those wanted"), AGE, CONTAINERS, IMAGES), _stateful_set
)


def _job(obj: Job, now: datetime) -> Cells:
    spec, status = obj.spec, obj.status
    done = status.succeeded or 0
    if spec.completions is not None:
        completions = f"{done}/{spec.completions}"
    else:
        parallel = spec.parallelism or 0
        completions = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    duration = ""
    if status.startTime is not None:
        end = status.completionTime or now
        duration = human_duration((end - status.startTime).total_seconds())
    return [
        obj.metadata.name,
        _job_status(obj),
        completions,
        duration,
        age(obj, now),
        *containers(spec.template.spec.containers),
        selector(spec.selector),
    ]


def _job_status(obj: Job) -> str:
    def is_true(kind: str) -> bool:
        found = condition(obj.status.conditions, kind)
        return found is not None and found.status == "True"

    if is_true("Complete"):
        return "Complete"
    if is_true("Failed"):
        return "Failed"
    if obj.metadata.deletionTimestamp is not None:
        return "Terminating"
    return next((kind for kind in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if is_true(kind)), "Running")


JOBS = Columns(
    (
        NAME,
        text("Status", "Whether the Job is running, suspended or has ended"),
        text("Completions", "Pods that succeeded, of those wanted"),
        text("Duration", "How long the Job took, or has taken so far"),
        AGE,
        *_WIDE,
    ),
    _job,
)


def _cron_job(obj: CronJob, now: datetime) -> Cells:
    spec = obj.spec
    last = NONE if obj.status.lastScheduleTime is None else since(obj.status.lastScheduleTime, now)
    template = spec.jobTemplate.spec
    return [
        obj.metadata.name,
        spec.schedule,
        spec.timeZone or NONE,
        boolean(spec.suspend),
        len(obj.status.active),
        last,
        age(obj, now),
        *containers(template.template.spec.containers),
        selector(template.selector),
    ]


CRON_JOBS = Columns(
    (
        NAME,
        text("Schedule", "When Jobs are made"),
        text("Timezone", "Time zone of the schedule"),
        Column("Suspend", "boolean", description="Whether no new Jobs are made"),
        number("Active", "Jobs that are running"),
        text("Last Schedule", "When the last Job was made"),
        AGE,
        *_WIDE,
    ),
    _cron_job,
)


def _pod_template(obj: PodTemplate, _now: datetime) -> Cells:
    template = obj.template
    return [obj.metadata.name, *containers(template.spec.containers), labels(template.metadata.labels)]


POD_TEMPLATES = Columns(
    (
        NAME,
        text("Containers", "Names of the template's containers"),
        text("Images", "Images of the template's containers"),
        text("Pod Labels", "Labels of the Pods that are made from it"),
    ),
    _pod_template,
)


def _controller_revision(obj: ControllerRevision, now: datetime) -> Cells:
    owner: Any = next((one for one in obj.metadata.ownerReferences if one.controller), None)
    group, _, _version = (owner.apiVersion if owner else "").rpartition("/")
    kind = owner.kind.lower() if owner else ""
    shown = f"{kind}{f'.{group}' if group else ''}/{owner.name}" if owner else NONE
    return [obj.metadata.name, shown, obj.revision, age(obj, now)]


CONTROLLER_REVISIONS = Columns(
    (NAME, text("Controller", "Whose revision it is"), number("Revision", "Which one it is, counted up"), AGE),
    _controller_revision,
)
