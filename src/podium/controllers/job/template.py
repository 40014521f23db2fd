"""The Pods of a Job: its template, what identifies an index (KEP-2214), what keeps them from being lost."""

from __future__ import annotations

from msgspec.structs import replace

from podium.controllers.job import indexes
from podium.controllers.job.attempts import for_successor
from podium.models import batch_v1, core_v1, meta_v1, owners

FINALIZER = "batch.kubernetes.io/job-tracking"
"""Holds every Pod of a Job until it was counted (KEP-2307)."""
ENVIRONMENT = "JOB_COMPLETION_INDEX"
_LONGEST_PREFIX = 58
"""Five more characters are added, and 63 are allowed."""


def new_pod(job: batch_v1.Job) -> core_v1.Pod:
    """A Pod of a NonIndexed Job. It shares the template: encode it."""
    template = job.spec.template
    finalizers = template.metadata.finalizers
    return core_v1.Pod(
        metadata=meta_v1.ObjectMeta(
            generateName=f"{job.metadata.name}-",
            namespace=job.metadata.namespace,
            labels=template.metadata.labels,
            annotations=template.metadata.annotations,
            finalizers=finalizers if FINALIZER in finalizers else (*finalizers, FINALIZER),
            ownerReferences=(owners.new_controller_ref(job),),
        ),
        spec=template.spec,
    )


def new_indexed_pod(job: batch_v1.Job, index: int, replaced: core_v1.Pod | None) -> core_v1.Pod:
    """The Pod that works on the index. `replaced`: the failed one whose place it takes."""
    pod = new_pod(job)
    metadata, spec = pod.metadata, pod.spec
    number = str(index)
    name = job.metadata.name
    suffix = f"-{number}-"
    metadata.generateName = name[: _LONGEST_PREFIX - len(suffix)] + suffix
    metadata.labels = {**metadata.labels, indexes.INDEX: number}
    metadata.annotations = {**metadata.annotations, indexes.INDEX: number}
    if job.spec.backoffLimitPerIndex is not None:
        metadata.annotations.update(for_successor(job, replaced))
    pod.spec = replace(
        spec,
        hostname=f"{name}-{number}",
        containers=tuple(map(_with_index, spec.containers)),
        initContainers=tuple(map(_with_index, spec.initContainers)),
    )
    return pod


_VARIABLE = core_v1.EnvVar(
    name=ENVIRONMENT,
    valueFrom=core_v1.EnvVarSource(
        fieldRef=core_v1.ObjectFieldSelector(fieldPath=f"metadata.labels['{indexes.INDEX}']")
    ),
)


def _with_index(container: core_v1.Container) -> core_v1.Container:
    if any(variable.name == ENVIRONMENT for variable in container.env):
        return container
    return replace(container, env=(*container.env, _VARIABLE))
