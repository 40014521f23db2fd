"""Jobs on a whole cluster of simulated nodes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from podium.clock import EPOCH
from podium.controllers.job.template import FINALIZER
from podium.models import batch_v1, codec, conditions, core_v1, meta_v1, policy_v1
from podium.testing.virtual import VirtualCluster

Clusters = Callable[..., VirtualCluster]


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def manifest(spec: str, command: str = "sleep 5", annotations: str = "", name: str = "work") -> str:
    """A Job; `spec` is what its spec says besides the template."""
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: {name}}}
spec:
  {spec or "backoffLimit: 6"}
  template:
    metadata: {{annotations: {{{annotations}}}}}
    spec:
      restartPolicy: Never
      containers: [{{name: main, image: busybox, command: [sh, -c, "{command}"]}}]
"""


def is_over(job: batch_v1.Job) -> bool:
    return any(conditions.is_true(job.status.conditions, type_) for type_ in ("Complete", "Failed"))


def said(job: batch_v1.Job) -> list[tuple[str, str, str]]:
    return [(condition.type, condition.status, condition.reason) for condition in job.status.conditions]


def events(cluster: VirtualCluster, name: str = "work") -> list[tuple[str, str]]:
    cluster.settle()
    found = [event for event in cluster.list(core_v1.Event) if event.involvedObject.name == name]
    found.sort(key=lambda event: int(event.metadata.resourceVersion))
    return [(event.reason, event.message) for event in found]


def change(cluster: VirtualCluster, name: str = "work", **spec: Any) -> None:
    job = codec.copy(cluster.get(batch_v1.Job, name))
    for field, value in spec.items():
        setattr(job.spec, field, value)
    cluster.run(cluster.client.update(job))
    cluster.advance(1)


def test_a_job_runs_to_its_completion(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("completions: 3\n  parallelism: 2"))
    cluster.advance(2)
    running = cluster.get(batch_v1.Job, "work").status
    assert (running.active, running.ready, running.terminating, running.startTime) == (2, 2, 0, EPOCH)
    pods = cluster.list(core_v1.Pod)
    assert [pod.metadata.finalizers for pod in pods] == [(FINALIZER,)] * 2
    assert [pod.metadata.generateName for pod in pods] == ["work-"] * 2
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert codec.to_tree(job.status) == {
        "startTime": "2026-01-01T00:00:00Z",
        "completionTime": "2026-01-01T00:00:10Z",
        "succeeded": 3,
        "ready": 0,
        "terminating": 0,
        "uncountedTerminatedPods": {},
        "conditions": [
            {
                "type": type_,
                "status": "True",
                "reason": "CompletionsReached",
                "message": "Reached expected number of succeeded pods",
                "lastProbeTime": "2026-01-01T00:00:10Z",
                "lastTransitionTime": "2026-01-01T00:00:10Z",
            }
            for type_ in ("SuccessCriteriaMet", "Complete")
        ],
    }
    assert [pod.metadata.finalizers for pod in cluster.list(core_v1.Pod)] == [()] * 3
    reasons = [reason for reason, _ in events(cluster)]
    assert reasons == ["SuccessfulCreate"] * 3 + ["Completed"]
    assert events(cluster)[-1] == ("Completed", "Job completed")


def test_indexed_pods_know_who_they_are(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("completions: 3\n  parallelism: 3\n  completionMode: Indexed"))
    cluster.advance(2)
    pods = sorted(cluster.list(core_v1.Pod), key=lambda pod: pod.metadata.name)
    index = "batch.kubernetes.io/job-completion-index"
    for number, pod in enumerate(pods):
        assert pod.metadata.generateName == f"work-{number}-"
        assert pod.spec.hostname == f"work-{number}"
        assert (pod.metadata.labels[index], pod.metadata.annotations[index]) == (str(number), str(number))
        (variable,) = pod.spec.containers[0].env
        assert variable.name == "JOB_COMPLETION_INDEX"
        assert variable.valueFrom is not None
        assert variable.valueFrom.fieldRef is not None
        assert variable.valueFrom.fieldRef.fieldPath == f"metadata.labels['{index}']"
    assert cluster.wait(batch_v1.Job, "work", is_over).status.completedIndexes == "0-2"


def test_failures_are_tried_again_ever_later_until_the_limit(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("backoffLimit: 3", command="exit 1"))
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job) == [
        ("FailureTarget", "True", "BackoffLimitExceeded"),
        ("Failed", "True", "BackoffLimitExceeded"),
    ]
    assert (job.status.failed, job.status.completionTime) == (4, None)
    created = sorted(pod.metadata.creationTimestamp - EPOCH for pod in cluster.list(core_v1.Pod))  # type: ignore[operator]
    assert created == [timedelta(seconds=seconds) for seconds in (0, 10, 30, 70)]
    assert events(cluster)[-1] == ("BackoffLimitExceeded", "Job has reached the specified backoff limit")


@pytest.mark.parametrize("limits", ["backoffLimit: 3", "backoffLimitPerIndex: 3"])
def test_what_still_runs_is_active_while_a_replacement_waits(cluster: VirtualCluster, limits: str) -> None:
    """Kubernetes once said 0 here; as the API refuses more ready Pods than active ones, 1.36 no longer does."""
    cluster.apply(manifest(f"completions: 2\n  parallelism: 2\n  completionMode: Indexed\n  {limits}", "sleep 60"))
    cluster.advance(5)
    failed = codec.copy(next(pod for pod in cluster.list(core_v1.Pod) if pod.spec.hostname == "work-0"))
    failed.status.phase = "Failed"
    cluster.run(cluster.client.update_status(failed))
    cluster.advance(2)
    status = cluster.get(batch_v1.Job, "work").status
    assert (status.active, status.ready, len(cluster.list(core_v1.Pod))) == (1, 1, 2)


def test_a_rule_fails_the_job_at_once_and_stops_the_others(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}"
    script = "podium.dev/simulate-run-seconds: '3', podium.dev/simulate-exit-code: '42'"
    cluster.apply(manifest(f"parallelism: 1\n  completions: 4\n  {policy}", annotations=script))
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job) == [("FailureTarget", "True", "PodFailurePolicy"), ("Failed", "True", "PodFailurePolicy")]
    (pod,) = cluster.list(core_v1.Pod)
    message = (
        f"Container main for pod default/{pod.metadata.name} failed with exit code 42 matching FailJob rule at index 0"
    )
    assert job.status.conditions[0].message == message
    assert (job.status.failed, job.status.terminating) == (1, 0)


def test_ignored_failures_cost_nothing(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {operator: In, values: [1]}}]}"
    cluster.apply(manifest(f"backoffLimit: 0\n  {policy}", command="exit 1"))
    cluster.advance(100)
    job = cluster.get(batch_v1.Job, "work")
    assert not is_over(job)
    assert job.status.failed is None
    assert len(cluster.list(core_v1.Pod)) == 4  # after 10, 20 and 40 seconds


def test_an_eviction_can_be_ignored(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}"
    cluster.apply(manifest(f"backoffLimit: 0\n  {policy}", command="sleep 60"))
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name=pod.metadata.name, namespace="default"))
    evict = cluster.client.create_subresource(core_v1.Pod, "default", pod.metadata.name, "eviction", eviction)
    cluster.run(evict)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert (said(job)[-1][0], job.status.succeeded, job.status.failed) == ("Complete", 1, None)


def test_each_index_has_its_own_limit(cluster: VirtualCluster) -> None:
    limits = "completions: 3\n  parallelism: 3\n  completionMode: Indexed\n  backoffLimitPerIndex: 1"
    cluster.apply(manifest(limits, command="exit 1"))
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job)[0] == ("FailureTarget", "True", "FailedIndexes")
    assert (job.status.failedIndexes, job.status.completedIndexes, job.status.failed) == ("0-2", "", 6)
    counts = sorted(
        pod.metadata.annotations["batch.kubernetes.io/job-index-failure-count"] for pod in cluster.list(core_v1.Pod)
    )
    assert counts == ["0", "0", "0", "1", "1", "1"]


def test_one_success_can_be_enough(cluster: VirtualCluster) -> None:
    policy = "successPolicy: {rules: [{succeededIndexes: '0', succeededCount: 1}]}"
    cluster.apply(manifest(f"completions: 3\n  parallelism: 3\n  completionMode: Indexed\n  {policy}", "sleep 3600"))
    cluster.advance(2)
    leader = next(pod for pod in cluster.list(core_v1.Pod) if pod.spec.hostname == "work-0")
    ended = codec.copy(leader)
    ended.status.phase = "Succeeded"
    cluster.run(cluster.client.update_status(ended))
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job) == [("SuccessCriteriaMet", "True", "SuccessPolicy"), ("Complete", "True", "SuccessPolicy")]
    assert (job.status.succeeded, job.status.failed, job.status.completedIndexes) == (1, None, "0")
    assert job.status.conditions[1].message == "Matched rules at index 0"


def test_a_deadline_ends_what_runs(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("activeDeadlineSeconds: 20\n  parallelism: 2\n  completions: 2", command="sleep 3600"))
    job = cluster.wait(batch_v1.Job, "work", lambda job: job.status.conditions)
    assert said(job) == [("FailureTarget", "True", "DeadlineExceeded")]
    assert (job.status.terminating, job.status.active) == (2, None)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job)[1] == ("Failed", "True", "DeadlineExceeded")
    assert job.status.conditions[0].lastTransitionTime == EPOCH + timedelta(seconds=20)
    assert (job.status.failed, job.status.terminating) == (2, 0)
    assert not cluster.list(core_v1.Pod)


def test_suspending_stops_the_clock_and_costs_nothing(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("activeDeadlineSeconds: 100\n  parallelism: 2\n  completions: 2", command="sleep 60"))
    cluster.advance(50)
    change(cluster, suspend=True)
    cluster.advance(300)
    job = cluster.get(batch_v1.Job, "work")
    assert said(job) == [("Suspended", "True", "JobSuspended")]
    assert (job.status.startTime, job.status.active, job.status.failed) == (None, None, None)
    assert not cluster.list(core_v1.Pod)
    change(cluster, suspend=False)
    job = cluster.get(batch_v1.Job, "work")
    assert said(job) == [("Suspended", "False", "JobResumed")]
    assert job.status.startTime == EPOCH + timedelta(seconds=351)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert (job.status.succeeded, job.status.failed) == (2, None)
    assert ("Suspended", "Job suspended") in events(cluster)
    assert ("Resumed", "Job resumed") in events(cluster)


def test_a_job_that_begins_suspended_may_still_be_sent_elsewhere(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("suspend: true"))
    cluster.advance(5)
    job = codec.copy(cluster.get(batch_v1.Job, "work"))
    assert (said(job), job.status.startTime) == ([("Suspended", "True", "JobSuspended")], None)
    job.spec.template.spec.nodeSelector = {"kubernetes.io/hostname": cluster.list(core_v1.Node, "")[1].metadata.name}
    job.spec.suspend = False
    cluster.run(cluster.client.update(job))
    cluster.wait(batch_v1.Job, "work", is_over)
    (pod,) = cluster.list(core_v1.Pod)
    assert pod.spec.nodeName == job.spec.template.spec.nodeSelector["kubernetes.io/hostname"]


def test_indexed_jobs_are_elastic(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("completions: 4\n  parallelism: 4\n  completionMode: Indexed", command="sleep 60"))
    cluster.advance(5)
    change(cluster, completions=2, parallelism=2)
    cluster.advance(40)
    names = sorted(pod.spec.hostname for pod in cluster.list(core_v1.Pod))
    assert names == ["work-0", "work-1"]
    change(cluster, completions=3, parallelism=3)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert (job.status.completedIndexes, job.status.succeeded, job.status.failed) == ("0-2", 3, None)


def test_a_deleted_pod_counts_as_failed_once_and_is_replaced(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("", command="sleep 60"))
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    cluster.delete(core_v1.Pod, pod.metadata.name)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert (job.status.succeeded, job.status.failed) == (1, 1)


def test_with_the_policy_failed_a_pod_is_replaced_once_it_has_ended(cluster: VirtualCluster) -> None:
    slow = "podium.dev/simulate-stop-delay: '20'"
    cluster.apply(manifest("podReplacementPolicy: Failed", command="sleep 600", annotations=slow))
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    cluster.delete(core_v1.Pod, pod.metadata.name)
    cluster.advance(19)
    status = cluster.get(batch_v1.Job, "work").status
    assert (status.active, status.terminating, status.failed) == (None, 1, None)
    cluster.advance(15)
    status = cluster.get(batch_v1.Job, "work").status
    assert (status.active, status.terminating, status.failed) == (1, 0, 1)


def test_a_pod_that_never_got_a_node_can_be_deleted(cluster: VirtualCluster) -> None:
    text = manifest("podReplacementPolicy: Failed").replace(
        "restartPolicy: Never", "restartPolicy: Never\n      nodeSelector: {no: such}"
    )
    cluster.apply(text)
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    cluster.delete(core_v1.Pod, pod.metadata.name)
    cluster.advance(15)
    (other,) = cluster.list(core_v1.Pod)
    assert other.metadata.name != pod.metadata.name
    status = cluster.get(batch_v1.Job, "work").status
    assert (status.active, status.terminating, status.failed) == (1, 0, 1)


def test_restarts_count_when_containers_are_restarted(cluster: VirtualCluster) -> None:
    text = manifest("backoffLimit: 2", command="exit 1").replace("restartPolicy: Never", "restartPolicy: OnFailure")
    cluster.apply(text)
    job = cluster.wait(batch_v1.Job, "work", is_over)
    assert said(job)[0] == ("FailureTarget", "True", "BackoffLimitExceeded")
    assert job.status.failed == 1


def test_somebody_elses_job_is_left_alone(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("managedBy: example.com/queue"))
    cluster.advance(60)
    assert cluster.get(batch_v1.Job, "work").status == batch_v1.JobStatus()
    assert not cluster.list(core_v1.Pod)


def test_pods_are_adopted_and_let_go(cluster: VirtualCluster) -> None:
    lone = core_v1.Pod(
        metadata=meta_v1.ObjectMeta(name="lone", namespace="default", labels={"part": "work"}),
        spec=core_v1.PodSpec(
            restartPolicy="Never",
            containers=(core_v1.Container(name="main", image="busybox", command=("sleep", "3600")),),
        ),
    )
    cluster.create(lone)
    selected = "manualSelector: true\n  selector: {matchLabels: {part: work}}"
    text = manifest(selected, command="sleep 3600").replace(
        "metadata: {annotations", "metadata: {labels: {part: work}, annotations"
    )
    cluster.apply(text)
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    assert pod.metadata.finalizers == (FINALIZER,)
    assert [owner.name for owner in pod.metadata.ownerReferences] == ["work"]
    released = codec.copy(pod)
    released.metadata.labels = {}
    cluster.run(cluster.client.update(released))
    cluster.advance(5)
    pod = cluster.get(core_v1.Pod, "lone")
    assert (pod.metadata.finalizers, pod.metadata.ownerReferences) == ((), ())
    status = cluster.get(batch_v1.Job, "work").status
    assert (status.active, status.failed) == (1, None)
    assert len(cluster.list(core_v1.Pod)) == 2


def test_a_thousand_completions(cluster: VirtualCluster) -> None:
    cluster.apply(manifest("completions: 1000\n  parallelism: 100", command="true"))
    job = cluster.wait(batch_v1.Job, "work", is_over, timeout=3000)
    assert (job.status.succeeded, job.status.failed) == (1000, None)


def test_a_pod_that_is_deleted_before_it_has_begun_is_replaced(cluster: VirtualCluster) -> None:
    """Its image can't be pulled, so it never runs; deleted, it has failed, which is what the Job waits for."""
    cluster.apply(manifest("podReplacementPolicy: Failed", annotations='podium.dev/simulate-pull-error: "no"'))
    cluster.advance(5)
    (pod,) = cluster.list(core_v1.Pod)
    cluster.delete(core_v1.Pod, pod.metadata.name)
    cluster.advance(60)
    (other,) = cluster.list(core_v1.Pod)
    assert other.metadata.uid != pod.metadata.uid
    assert cluster.get(batch_v1.Job, "work").status.failed == 1
