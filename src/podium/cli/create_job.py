"""What `podium create job` and `podium create cronjob` create."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.cli import objects
from podium.cli.failure import Failure
from podium.cli.session import Session

Tree = dict[str, Any]
MANUAL = "cronjob.kubernetes.io/instantiate"
"""Says that a run of a CronJob was started by hand."""


def job_for(session: Session, name: str, images: Sequence[str], source: str, command: Sequence[str]) -> Tree:
    """A Job with one container, or one run of the CronJob that `source` ("cronjob/NAME") names."""
    if bool(images) == bool(source):
        raise Failure("error: either --image or --from must be specified")
    if not source:
        return job(name, images, command)
    if command:
        raise Failure("error: cannot specify --from and command")
    return run_of(_cron_job(session, source), name)


def _cron_job(session: Session, source: str) -> Tree:
    (target,) = objects.named(session, [source] if "/" in source else ["cronjob", source])
    if target.resource.kind != "CronJob":
        raise Failure(f"error: unknown object type {target.resource.kind}")
    found: Tree = session.api.tree("GET", target.path)
    return found


def run_of(cron_job: Tree, name: str) -> Tree:
    template, owner = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    metadata = template.get("metadata") or {}
    reference = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": owner["name"],
        "uid": owner["uid"],
        "controller": True,
    }
    result: Tree = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": owner["namespace"],
            "annotations": {MANUAL: "manual", **(metadata.get("annotations") or {})},
            "ownerReferences": [reference],
        },
        "spec": template["spec"],
    }
    if metadata.get("labels"):
        result["metadata"]["labels"] = metadata["labels"]
    return result


def job(name: str, images: Sequence[str], command: Sequence[str]) -> Tree:
    spec = {"template": _template(name, images, command, "Never")}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def cron_job(name: str, images: Sequence[str], schedule: str, restart: str, command: Sequence[str]) -> Tree:
    if not images:
        raise Failure('error: required flag(s) "image" not set')
    if not schedule:
        raise Failure('error: required flag(s) "schedule" not set')
    template = {"metadata": {"name": name}, "spec": {"template": _template(name, images, command, restart)}}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {"schedule": schedule, "jobTemplate": template},
    }


def _template(name: str, images: Sequence[str], command: Sequence[str], restart: str) -> Tree:
    if len(images) != 1:
        raise Failure("error: one image is needed, and no more")
    container: Tree = {"name": name, "image": images[0]}
    if command:
        container["command"] = list(command)
    return {"spec": {"containers": [container], "restartPolicy": restart}}
