"""Jobs and their Pods, as short as can be."""

from __future__ import annotations

from typing import Any

from podium.controllers.job import attempts, indexes
from podium.controllers.job.template import FINALIZER
from podium.models import batch_v1, core_v1, meta_v1
from tests.controllers.build import NOW, ago

BACKOFF_LIMIT = 6


def job(*, status: batch_v1.JobStatus | None = None, restart: str = "Never", **spec: Any) -> batch_v1.Job:
    """One Pod that succeeds once, unless said otherwise."""
    return batch_v1.Job(
        metadata=meta_v1.ObjectMeta(name="work", namespace="default", uid="job"),
        spec=batch_v1.JobSpec(
            **{
                "completions": 1,
                "parallelism": 1,
                "backoffLimit": BACKOFF_LIMIT,
                "completionMode": "NonIndexed",
                "template": template(restart),
                **spec,
            }
        ),
        status=status or batch_v1.JobStatus(),
    )


def indexed(completions: int, **spec: Any) -> batch_v1.Job:
    return job(completionMode="Indexed", completions=completions, **{"parallelism": completions, **spec})


def template(restart: str = "Never") -> core_v1.PodTemplateSpec:
    return core_v1.PodTemplateSpec(
        metadata=meta_v1.ObjectMeta(labels={"app": "work"}),
        spec=core_v1.PodSpec(
            restartPolicy=restart,
            terminationGracePeriodSeconds=30,
            containers=(core_v1.Container(name="main", image="work:1"),),
        ),
    )


def pod(
    name: str,
    phase: str = "Running",
    *,
    index: int | None = None,
    failures: int | None = None,
    ignored: int = 0,
    deleting: bool = False,
    tracked: bool = True,
    ready: bool = False,
    ended: float = 0,
    exit_code: int | None = None,
    init_exit_code: int | None = None,
    restarts: int = 0,
    conditions: tuple[tuple[str, str], ...] = (),
) -> core_v1.Pod:
    """`ended`: how many seconds ago; `failures`: how often its index had failed before."""
    annotations = {} if index is None else {indexes.INDEX: str(index)}
    if failures is not None:
        annotations[attempts.FAILURES] = str(failures)
    if ignored:
        annotations[attempts.IGNORED] = str(ignored)
    over = phase in ("Succeeded", "Failed")
    if over and exit_code is None:
        exit_code = 0 if phase == "Succeeded" else 1
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            name=name,
            namespace="default",
            uid=f"uid-{name}",
            creationTimestamp=ago(1000),
            annotations=annotations,
            deletionTimestamp=NOW if deleting else None,
            finalizers=(FINALIZER,) if tracked else (),
        ),
        status=core_v1.PodStatus(
            phase=phase,
            conditions=tuple(
                core_v1.PodCondition(type=type_, status=status)
                for type_, status in ((("Ready", "True" if ready else "False")), *conditions)
            ),
            containerStatuses=(_status("main", exit_code, ended, restarts),),
            initContainerStatuses=() if init_exit_code is None else (_status("setup", init_exit_code, ended, 0),),
        ),
    )


def _status(name: str, exit_code: int | None, ended: float, restarts: int) -> core_v1.ContainerStatus:
    terminated = None
    if exit_code is not None:
        terminated = core_v1.ContainerStateTerminated(exitCode=exit_code, finishedAt=ago(ended))
    return core_v1.ContainerStatus(
        name=name, restartCount=restarts, state=core_v1.ContainerState(terminated=terminated)
    )
