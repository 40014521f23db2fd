"""What Kubernetes' conformance tests say about Jobs, and its other tests of them, on simulated Pods."""

from __future__ import annotations

import pytest

from podium.machinery import errors
from podium.models import batch_v1, codec, conditions, core_v1, meta_v1, owners, policy_v1
from podium.testing.virtual import VirtualCluster
from tests.conformance import steps
from tests.conformance.steps import NOW, Clusters

Job = batch_v1.Job
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
PODS = "job=test"
TWO_OF_FOUR = "parallelism: 2\n  completions: 4\n  backoffLimit: 6"
INDEXED = f"{TWO_OF_FOUR}\n  completionMode: Indexed"
BEHAVIOURS = {
    "succeed": "exit-code: '0'",
    "succeed later": "run-seconds: '1'",
    "fail": "exit-code: '1'",
    "not terminate": "run-seconds: forever",
    "fail once": "exit-code: '0; first: 1'",
    "fail once per index": "exit-code: '0; first: 42'",
    "not terminate once per index": "run-seconds: '0; first: forever'",
    "fail odd, succeed even": "exit-code: '0; 1,3: 1'",
}


@pytest.fixture
def cluster(podium_clusters: Clusters) -> VirtualCluster:
    return podium_clusters(nodes=2)


def job(behaviour: str, spec: str = TWO_OF_FOUR, labels: str = "", restart: str = "Never", node: str = "") -> str:
    """A Job whose Pods behave like that; `spec` is what its spec says besides the template."""
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: test, labels: {{{labels}}}}}
spec:
  {spec}
  template:
    metadata:
      labels: {{job: test}}
      annotations: {{podium.dev/simulate-{BEHAVIOURS[behaviour]}}}
    spec:
      restartPolicy: {restart}
      nodeSelector: {{{f"kubernetes.io/hostname: {node}" if node else ""}}}
      containers: [{{name: c, image: busybox}}]
"""


def created(cluster: VirtualCluster, text: str) -> Job:
    (made,) = cluster.apply(text)
    assert isinstance(made, Job)
    return made


def one_node(cluster: VirtualCluster) -> str:
    name: str = cluster.list(core_v1.Node, "")[0].metadata.name
    return name


def get(cluster: VirtualCluster) -> Job:
    return cluster.get(Job, "test")


def wait_condition(cluster: VirtualCluster, type_: str, reason: str) -> Job:
    """Let it get the condition, for that reason."""

    def holds(it: Job) -> bool:
        found = conditions.get(it.status.conditions, type_)
        return found is not None and (found.status, found.reason) == ("True", reason)

    return cluster.wait(Job, "test", holds)


def wait_complete(cluster: VirtualCluster, succeeded: int, reason: str = "CompletionsReached") -> Job:
    """Let it complete with so many succeeded Pods; never may it be said to have failed."""
    since = get(cluster).metadata.resourceVersion
    found = wait_condition(cluster, "Complete", reason)
    assert found.status.succeeded == succeeded
    for _, seen in steps.events(cluster, Job, since):
        assert not conditions.is_true(seen.status.conditions, "Failed")
    return found


def wait_failed(cluster: VirtualCluster) -> Job:
    def is_over(it: Job) -> bool:
        assert not conditions.is_true(it.status.conditions, "Complete")
        return conditions.is_true(it.status.conditions, "Failed")

    return cluster.wait(Job, "test", is_over)


def wait_running(cluster: VirtualCluster, count: int) -> list[core_v1.Pod]:
    steps.until(cluster, lambda: len(steps.running(cluster, PODS)) == count)
    return steps.running(cluster, PODS)


def wait_ready(cluster: VirtualCluster, count: int) -> None:
    cluster.wait(Job, "test", lambda it: it.status.ready == count)


def is_at_rest(found: Job) -> bool:
    """Nothing of it is left, and the counters say so: 0, not unset."""
    status = found.status
    return (status.active or 0, status.ready, status.terminating) == (0, 0, 0)


def suspend(cluster: VirtualCluster, value: bool) -> None:
    def change(it: Job) -> None:
        it.spec.suspend = value

    steps.change(cluster, Job, "test", change)


def evict(cluster: VirtualCluster, pod: core_v1.Pod) -> None:
    name = pod.metadata.name
    eviction = policy_v1.Eviction(metadata=meta_v1.ObjectMeta(name=name, namespace="default"))
    cluster.run(cluster.client.create_subresource(core_v1.Pod, "default", name, "eviction", eviction))


# Conformance


def test_pod_failure_policy_on_exit_code_fails_the_job_early(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [1]}}]}"
    created(cluster, job("fail once", f"{TWO_OF_FOUR}\n  {policy}", node=one_node(cluster)))
    wait_condition(cluster, "FailureTarget", "PodFailurePolicy")
    failed = wait_failed(cluster)
    assert steps.said(failed)["Failed"][1] == "PodFailurePolicy"
    assert [pod.status.phase for pod in steps.pods(cluster, PODS)].count("Failed") == 1


def test_pod_failure_policy_ignores_evictions(cluster: VirtualCluster) -> None:
    policy = (
        "podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget, status: 'True'}]}]}"
    )
    counts = "parallelism: 3\n  completions: 3\n  backoffLimit: 2\n  completionMode: Indexed"
    created(cluster, job("not terminate once per index", f"{counts}\n  {policy}", node=one_node(cluster)))
    wait_ready(cluster, 3)
    pods = wait_running(cluster, 3)
    for pod in pods:
        evict(cluster, pod)
    gone = steps.names(pods)
    steps.until(cluster, lambda: not gone & steps.names(steps.pods(cluster, PODS)))
    assert not wait_complete(cluster, 3).status.failed


def test_indexed_pods_have_indexes_and_hostnames(cluster: VirtualCluster) -> None:
    created(cluster, job("succeed", INDEXED))
    wait_complete(cluster, 4)
    pods = steps.pods(cluster, PODS)
    assert {pod.status.phase for pod in pods} == {"Succeeded"}
    indexes = sorted(int(pod.metadata.annotations[INDEX]) for pod in pods)
    assert indexes == [0, 1, 2, 3]
    assert {pod.metadata.labels[INDEX] for pod in pods} == set("0123")
    for pod in pods:
        assert pod.spec.hostname == f"test-{pod.metadata.annotations[INDEX]}"


def test_success_policy_when_all_indexes_succeeded(cluster: VirtualCluster) -> None:
    policy = "successPolicy: {rules: [{succeededCount: 2}]}"
    counts = "parallelism: 2\n  completions: 2\n  backoffLimit: 6\n  completionMode: Indexed"
    created(cluster, job("succeed", f"{counts}\n  {policy}"))
    wait_condition(cluster, "SuccessCriteriaMet", "SuccessPolicy")
    found = wait_complete(cluster, 2, "SuccessPolicy")
    assert is_at_rest(found)
    assert not found.status.failed


@pytest.mark.parametrize(
    ("rule", "limit"), [("succeededIndexes: '0'", 6), ("succeededCount: 1", 2**31 - 1)], ids=["indexes", "count"]
)
def test_success_policy_with_indexes_pending(cluster: VirtualCluster, rule: str, limit: int) -> None:
    counts = f"parallelism: 2\n  completions: 5\n  backoffLimit: {limit}\n  completionMode: Indexed"
    created(cluster, job("fail odd, succeed even", f"{counts}\n  successPolicy: {{rules: [{{{rule}}}]}}"))
    wait_condition(cluster, "SuccessCriteriaMet", "SuccessPolicy")
    found = wait_complete(cluster, 1, "SuccessPolicy")
    assert found.status.completedIndexes == "0"
    assert is_at_rest(found)


def test_backoff_limit_per_index_executes_all_indexes(cluster: VirtualCluster) -> None:
    counts = "parallelism: 2\n  completions: 4\n  backoffLimitPerIndex: 1\n  completionMode: Indexed"
    created(cluster, job("fail odd, succeed even", counts))
    status = wait_failed(cluster).status
    assert (status.failedIndexes, status.completedIndexes) == ("1,3", "0,2")
    assert (status.failed, status.succeeded) == (4, 2)


def test_max_failed_indexes_ends_the_job(cluster: VirtualCluster) -> None:
    limits = "backoffLimitPerIndex: 0\n  maxFailedIndexes: 0"
    created(cluster, job("fail", f"parallelism: 1\n  completions: 4\n  {limits}\n  completionMode: Indexed"))
    status = wait_failed(cluster).status
    assert (status.failedIndexes, status.failed) == ("0", 1)


def test_fail_index(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [1]}}]}"
    counts = "parallelism: 2\n  completions: 2\n  backoffLimitPerIndex: 1\n  completionMode: Indexed"
    created(cluster, job("fail odd, succeed even", f"{counts}\n  {policy}"))
    status = wait_failed(cluster).status
    assert (status.failedIndexes, status.completedIndexes) == ("1", "0")
    assert (status.failed, status.succeeded) == (1, 1)


def test_tasks_that_fail_and_are_locally_restarted(cluster: VirtualCluster) -> None:
    created(cluster, job("fail once", restart="OnFailure"))
    wait_complete(cluster, 4)
    restarts = [status.restartCount for pod in steps.pods(cluster, PODS) for status in pod.status.containerStatuses]
    assert any(restarts), "nothing has failed"


def test_should_delete_a_job(cluster: VirtualCluster) -> None:
    created(cluster, job("not terminate"))
    wait_running(cluster, 2)
    steps.delete(cluster, Job, "test")
    steps.until(cluster, lambda: not steps.pods(cluster, PODS))
    with pytest.raises(errors.NotFound):
        get(cluster)


def test_should_adopt_matching_orphans_and_release_non_matching_pods(cluster: VirtualCluster) -> None:
    owner = created(cluster, job("not terminate"))
    name = wait_running(cluster, 2)[0].metadata.name

    def orphan(it: core_v1.Pod) -> None:
        it.metadata.ownerReferences = ()

    def unlabel(it: core_v1.Pod) -> None:
        it.metadata.labels = {}

    steps.change(cluster, core_v1.Pod, name, orphan)
    pod = cluster.wait(core_v1.Pod, name, lambda it: owners.controller_of(it) is not None)
    reference = owners.controller_of(pod)
    assert reference is not None
    assert (reference.kind, reference.name, reference.uid) == ("Job", "test", owner.metadata.uid)
    steps.change(cluster, core_v1.Pod, name, unlabel)
    cluster.wait(core_v1.Pod, name, lambda it: owners.controller_of(it) is None)


def test_should_apply_changes_to_a_job_status(cluster: VirtualCluster) -> None:
    made = created(cluster, job("not terminate"))
    wait_running(cluster, 2)
    cluster.settle()
    custom = {"type": "CustomConditionType", "status": "True", "lastProbeTime": None, "lastTransitionTime": NOW}
    tree = {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [custom]}}
    patched = steps.patch(cluster, made, tree, "status")
    condition = conditions.get(patched.status.conditions, "CustomConditionType")
    assert condition is not None
    assert codec.to_tree(condition)["lastTransitionTime"] == NOW
    assert patched.metadata.annotations["patchedstatus"] == "true"
    cluster.advance(7)
    status = codec.to_tree(cluster.get(Job, "test"))
    later = "2026-01-01T01:00:00Z"
    for it in status["status"]["conditions"]:
        if it["type"] == "CustomConditionType":
            it["lastTransitionTime"] = later
    updated = cluster.run(cluster.client.update_status(codec.from_tree(status, Job)))
    condition = conditions.get(updated.status.conditions, "CustomConditionType")
    assert condition is not None
    assert codec.to_tree(condition)["lastTransitionTime"] == later
    seen = cluster.run(cluster.client.get(Job, "default", "test", "status"))
    assert seen.metadata.uid == made.metadata.uid


def test_should_manage_the_lifecycle_of_a_job(cluster: VirtualCluster) -> None:
    selector = "e2e-job-label=test"
    since = steps.revision(cluster, Job, selector)
    made = created(cluster, job("succeed", f"{TWO_OF_FOUR}\n  suspend: true", labels="e2e-job-label: test"))
    assert int(made.metadata.resourceVersion) > 0
    patched = steps.patch(cluster, made, {"metadata": {"labels": {"test": "patched"}}}, type_="strategic")
    assert int(patched.metadata.resourceVersion) > int(made.metadata.resourceVersion)
    assert patched.metadata.labels["test"] == "patched"
    told = [(type_, it.metadata.labels.get("test")) for type_, it in steps.events(cluster, Job, since, selector)]
    assert told[0] == ("ADDED", None)
    assert ("MODIFIED", "patched") in told

    def resume(it: Job) -> None:
        it.spec.suspend = False
        it.metadata.annotations["updated"] = "true"

    since = get(cluster).metadata.resourceVersion
    updated = steps.change(cluster, Job, "test", resume)
    assert updated.metadata.annotations["updated"] == "true"
    annotated = [(type_, it.metadata.annotations.get("updated")) for type_, it in steps.events(cluster, Job, since)]
    assert ("MODIFIED", "true") in annotated
    assert steps.names(cluster.list(Job, "", selector)) == {"test"}
    wait_complete(cluster, 4)
    steps.delete_collection(cluster, Job, selector, policy="Background")
    told = [
        (type_, it.metadata.labels["e2e-job-label"])
        for type_, it in steps.events(cluster, Job, updated.metadata.resourceVersion, selector)
    ]
    assert told[-1] == ("DELETED", "test")
    assert not cluster.list(Job, "", selector)


# Kubernetes' other tests of Jobs


def test_tasks_that_succeed(cluster: VirtualCluster) -> None:
    created(cluster, job("succeed"))
    wait_condition(cluster, "SuccessCriteriaMet", "CompletionsReached")
    wait_complete(cluster, 4)
    assert [pod.status.phase for pod in steps.pods(cluster, PODS)] == ["Succeeded"] * 4


def test_pod_failure_policy_ignores_exit_codes(cluster: VirtualCluster) -> None:
    policy = "podFailurePolicy: {rules: [{action: Ignore, onExitCodes: {operator: In, values: [42]}}]}"
    counts = "parallelism: 3\n  completions: 3\n  backoffLimit: 2\n  completionMode: Indexed"
    created(cluster, job("fail once per index", f"{counts}\n  {policy}", node=one_node(cluster)))
    assert not wait_complete(cluster, 3).status.failed
    assert sum(pod.status.phase == "Failed" for pod in steps.pods(cluster, PODS)) == 3


def test_no_pods_while_suspended(cluster: VirtualCluster) -> None:
    created(cluster, job("succeed", f"{TWO_OF_FOUR}\n  suspend: true"))
    wait_condition(cluster, "Suspended", "JobSuspended")
    cluster.advance(30)
    assert not steps.pods(cluster, PODS)
    suspend(cluster, False)
    wait_complete(cluster, 4)


def test_pods_are_deleted_when_suspended(cluster: VirtualCluster) -> None:
    created(cluster, job("not terminate", f"{TWO_OF_FOUR}\n  suspend: false"))
    wait_running(cluster, 2)
    suspend(cluster, True)
    steps.until(cluster, lambda: not steps.pods(cluster, PODS))
    assert steps.said(get(cluster))["Suspended"][0] == "True"


def test_pods_are_replaced_once_they_have_failed(cluster: VirtualCluster) -> None:
    text = job("not terminate", "parallelism: 1\n  completions: 1\n  backoffLimit: 1\n  podReplacementPolicy: Failed")
    created(cluster, text.replace("annotations: {", "annotations: {podium.dev/simulate-stop-delay: '5', "))
    (pod,) = wait_running(cluster, 1)
    cluster.delete(core_v1.Pod, pod.metadata.name)

    def counts(it: Job) -> tuple[int, int, int | None]:
        return it.status.active or 0, it.status.failed or 0, it.status.terminating

    cluster.wait(Job, "test", lambda it: counts(it) == (0, 0, 1))
    cluster.advance(4)
    assert counts(get(cluster)) == (0, 0, 1), "it hasn't ended yet"
    cluster.wait(Job, "test", lambda it: counts(it) == (1, 1, 0))


def test_failures_are_recorded_in_the_pods_of_an_index(cluster: VirtualCluster) -> None:
    since = steps.revision(cluster, core_v1.Pod)
    counts = "parallelism: 2\n  completions: 2\n  backoffLimitPerIndex: 1\n  completionMode: Indexed"
    created(cluster, job("fail", counts))
    status = wait_failed(cluster).status
    made = [it for type_, it in steps.events(cluster, core_v1.Pod, since, PODS) if type_ == "ADDED"]
    tracked = sorted((pod.metadata.annotations[INDEX], pod.metadata.annotations[FAILURES]) for pod in made)
    assert tracked == [("0", "0"), ("0", "1"), ("1", "0"), ("1", "1")]
    assert (status.failedIndexes, status.completedIndexes) == ("0,1", "")
    assert (status.failed, status.succeeded or 0) == (4, 0)


def test_pods_go_with_their_job(cluster: VirtualCluster) -> None:
    created(cluster, job("not terminate"))
    wait_running(cluster, 2)
    steps.delete(cluster, Job, "test", "Foreground")
    steps.until(cluster, lambda: not cluster.list(Job))
    assert not steps.pods(cluster, PODS)


def test_tasks_that_fail_and_are_not_locally_restarted(cluster: VirtualCluster) -> None:
    created(cluster, job("fail once", node=one_node(cluster)))
    wait_condition(cluster, "SuccessCriteriaMet", "CompletionsReached")
    found = wait_complete(cluster, 4)
    assert is_at_rest(found)
    assert found.status.failed == 1


def test_active_deadline(cluster: VirtualCluster) -> None:
    created(cluster, job("not terminate", f"{TWO_OF_FOUR}\n  activeDeadlineSeconds: 1"))
    wait_condition(cluster, "FailureTarget", "DeadlineExceeded")
    assert is_at_rest(wait_condition(cluster, "Failed", "DeadlineExceeded"))


def test_backoff_limit(cluster: VirtualCluster) -> None:
    created(cluster, job("fail", "backoffLimit: 1"))
    wait_condition(cluster, "FailureTarget", "BackoffLimitExceeded")
    assert is_at_rest(wait_condition(cluster, "Failed", "BackoffLimitExceeded"))
    assert [pod.status.phase for pod in steps.pods(cluster, PODS)] == ["Failed"] * 2


def test_a_node_that_has_room_for_few_at_a_time(cluster: VirtualCluster) -> None:
    node = cluster.list(core_v1.Node, "")[0]
    cores = int(node.status.allocatable["cpu"])
    text = job("succeed later", "parallelism: 90\n  completions: 90\n  backoffLimit: 0", node=node.metadata.name)
    request = f"image: busybox, resources: {{requests: {{cpu: '{cores // 5}'}}}}"
    created(cluster, text.replace("image: busybox", request))
    wait_running(cluster, 5)
    cluster.advance(0.2)
    waiting = [pod for pod in steps.pods(cluster, PODS) if pod.status.phase == "Pending"]
    assert {steps.said(pod)["PodScheduled"][1] for pod in waiting} == {"Unschedulable"}
    assert len(waiting) == 85
    wait_complete(cluster, 90)
    assert [pod.status.phase for pod in steps.pods(cluster, PODS)] == ["Succeeded"] * 90


def test_status_ready(cluster: VirtualCluster) -> None:
    created(cluster, job("not terminate", f"{TWO_OF_FOUR}\n  suspend: true"))
    wait_ready(cluster, 0)
    for value, ready in ((False, 2), (True, 0)):
        suspend(cluster, value)
        wait_ready(cluster, ready)


def test_a_suspended_job_without_completions(cluster: VirtualCluster) -> None:
    created(cluster, job("succeed", "suspend: true\n  completions: 0"))
    found = wait_condition(cluster, "Complete", "CompletionsReached")
    assert found.status.startTime is None
    assert not steps.pods(cluster, PODS)


def test_reconciliation_is_delegated(cluster: VirtualCluster) -> None:
    created(cluster, job("succeed", f"{TWO_OF_FOUR}\n  managedBy: example.com/custom-job-controller"))
    cluster.advance(30)
    assert get(cluster).status == batch_v1.JobStatus()
    assert not steps.pods(cluster, PODS)
