"""The StatefulSet controller on a real registry."""

from __future__ import annotations

import pytest

from podium.controllers.statefulset import identity
from podium.models import apps_v1, codec, core_v1, meta_v1, owners
from podium.models.quantity import Quantity
from podium.testing.virtual import VirtualCluster
from tests.controllers.cluster import Cluster, run
from tests.controllers.statefulset.build import stateful_set
from tests.controllers.statefulset.test_invariants import change

ONLY = ("statefulset",)
COLLECTED = ("statefulset", "garbagecollector")


async def current(cluster: Cluster) -> apps_v1.StatefulSet:
    return await cluster.client.get(apps_v1.StatefulSet, "default", "db")


async def run_pods(cluster: Cluster) -> None:
    await cluster.settle()
    while True:
        changed = False
        for pod in await cluster.pods():
            if pod.metadata.deletionTimestamp is not None:
                await cluster.remove_pod(pod)
            elif pod.status.phase == "Pending":
                await cluster.set_pod(pod)
            else:
                continue
            changed = True
        changed = await free_claims(cluster) or changed
        await cluster.settle()
        if not changed:
            return


async def free_claims(cluster: Cluster) -> bool:
    """Let go of the claims that are being deleted, as the controller that protects them does when no Pod is left."""
    found = [one for one in await cluster.client.list(core_v1.PersistentVolumeClaim) if one.metadata.deletionTimestamp]
    for claim in found:
        patch = {"metadata": {"finalizers": None}}
        await cluster.client.patch(core_v1.PersistentVolumeClaim, "default", claim.metadata.name, patch, "merge")
    return bool(found)


async def images(cluster: Cluster) -> dict[str, str]:
    return {pod.metadata.name: pod.spec.containers[0].image for pod in await cluster.pods()}


async def report_waiting(cluster: Cluster, name: str, reason: str) -> None:
    """Say that the Pod's container doesn't start."""
    waiting = core_v1.ContainerState(waiting=core_v1.ContainerStateWaiting(reason=reason))

    def change(status: core_v1.PodStatus) -> None:
        status.conditions = (core_v1.PodCondition(type="Ready", status="False"),)
        status.containerStatuses = (core_v1.ContainerStatus(name="main", state=waiting),)

    await cluster.report(await cluster.client.get(core_v1.Pod, "default", name), change)


async def claims(cluster: Cluster) -> dict[str, list[str]]:
    """The kinds of the owners, by claim."""
    found = await cluster.client.list(core_v1.PersistentVolumeClaim)
    return {one.metadata.name: [owner.kind for owner in one.metadata.ownerReferences] for one in found}


def test_pods_come_in_order_with_their_claims_and_events_tell_so() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2, claims=("data",)))
        await cluster.settle()
        assert [pod.metadata.name for pod in await cluster.pods()] == ["db-0"]
        await run_pods(cluster)
        assert [pod.metadata.name for pod in await cluster.pods()] == ["db-0", "db-1"]
        assert await claims(cluster) == {"data-db-0": [], "data-db-1": []}
        told = {(reason, message) for kind, reason, message in await cluster.events() if kind == "StatefulSet"}
        assert ("SuccessfulCreate", "create Claim data-db-0 Pod db-0 in StatefulSet db success") in told
        assert ("SuccessfulCreate", "create Pod db-1 in StatefulSet db successful") in told

    run(body, ONLY)


def test_a_rollback_has_its_old_revision_back() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2))
        await run_pods(cluster)
        first = (await current(cluster)).status.currentRevision
        await change(cluster, "db:2")
        await run_pods(cluster)
        second = (await current(cluster)).status.currentRevision
        assert second != first
        await change(cluster, "db:1")
        await run_pods(cluster)
        assert (await current(cluster)).status.currentRevision == first
        found = await cluster.client.list(apps_v1.ControllerRevision)
        assert {one.metadata.name: one.revision for one in found} == {first: 3, second: 2}

    run(body, ONLY)


@pytest.mark.parametrize(("partition", "image"), [(None, "db:1"), (0, "db:2")])
def test_a_pod_that_is_lost_during_an_update_comes_back_as_the_strategy_says(partition: int | None, image: str) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(3, partition=partition))
        await run_pods(cluster)
        await change(cluster, "db:2")
        await cluster.settle()
        assert await images(cluster) == {"db-0": "db:1", "db-1": "db:1", "db-2": "db:2"}
        await cluster.client.delete(core_v1.Pod, "default", "db-0")
        await cluster.settle()
        assert await images(cluster) == {"db-0": image, "db-1": "db:1", "db-2": "db:2"}
        await run_pods(cluster)
        assert set((await images(cluster)).values()) == {"db:2"}
        made = (await current(cluster)).status
        assert (made.currentRevision, made.currentReplicas) == (made.updateRevision, 3)

    run(body, ONLY)


def test_a_pod_that_cannot_start_is_updated_although_others_are_still_as_they_were() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(3, partition=None))
        await run_pods(cluster)
        await report_waiting(cluster, "db-0", "CrashLoopBackOff")
        await change(cluster, "db:2")
        await cluster.settle()
        assert await images(cluster) == {"db-0": "db:2", "db-1": "db:1", "db-2": "db:1"}
        await run_pods(cluster)
        assert set((await images(cluster)).values()) == {"db:2"}

    run(body, ONLY)


def test_an_update_that_is_complete_stays_so_though_the_cache_is_late() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2))
        await run_pods(cluster)
        await change(cluster, "db:2")
        while (await images(cluster)).get("db-0") != "db:2":
            for pod in await cluster.pods():
                if pod.status.phase == "Pending":
                    await cluster.set_pod(pod)
            await cluster.settle()
        cluster.transport.hold("statefulsets")
        await cluster.set_pod(await cluster.client.get(core_v1.Pod, "default", "db-0"))
        await cluster.settle()
        made = (await current(cluster)).status
        assert made.currentRevision == made.updateRevision
        await cluster.client.delete(core_v1.Pod, "default", "db-1")
        await cluster.settle()
        assert (await current(cluster)).status.currentRevision == made.updateRevision
        cluster.transport.let_go("statefulsets")
        await run_pods(cluster)
        assert (await current(cluster)).status == made

    run(body, ONLY)


def test_the_history_is_kept_within_its_limit() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(1, revisionHistoryLimit=2))
        for number in range(2, 8):
            await run_pods(cluster)
            await change(cluster, f"db:{number}")
        await run_pods(cluster)
        found = await cluster.client.list(apps_v1.ControllerRevision)
        assert sorted(one.revision for one in found) == [5, 6, 7]

    run(body, ONLY)


def test_orphans_of_the_right_name_are_adopted_and_others_left_alone() -> None:
    async def body(cluster: Cluster) -> None:
        template = stateful_set(1).spec.template
        for name in ("db-0", "db-00", "dbx-1"):
            orphan = core_v1.Pod(
                metadata=meta_v1.ObjectMeta(name=name, namespace="default", labels={"app": "db"}), spec=template.spec
            )
            await cluster.client.create(codec.copy(orphan))
        owner = await cluster.client.create(stateful_set(1, strategy="OnDelete"))
        await run_pods(cluster)
        ours = {pod.metadata.name: owners.is_controlled_by(pod, owner) for pod in await cluster.pods()}
        assert ours == {"db-0": True, "db-00": False, "dbx-1": False}
        adopted = await cluster.client.get(core_v1.Pod, "default", "db-0")
        assert adopted.metadata.labels["statefulset.kubernetes.io/pod-name"] == "db-0"

    run(body, ONLY)


def test_claims_go_with_the_pods_that_are_scaled_away() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2, claims=("data",), when_scaled="Delete"))
        await run_pods(cluster)
        await change(cluster, replicas=1)
        await run_pods(cluster)
        assert await claims(cluster) == {"data-db-0": []}
        await change(cluster, replicas=2)
        await run_pods(cluster)
        assert await claims(cluster) == {"data-db-0": [], "data-db-1": []}
        await cluster.client.delete(apps_v1.StatefulSet, "default", "db")
        await run_pods(cluster)
        assert (await cluster.pods(), set(await claims(cluster))) == ([], {"data-db-0", "data-db-1"})

    run(body, COLLECTED)


@pytest.mark.parametrize("parallel", [False, True])
def test_a_pod_does_not_go_before_its_claims_are_its_own(parallel: bool) -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2, parallel=parallel, claims=("data",), when_scaled="Delete"))
        await run_pods(cluster)
        cluster.transport.hold("persistentvolumeclaims")
        labels = {"metadata": {"labels": {"changed": "yes"}}}
        await cluster.client.patch(core_v1.PersistentVolumeClaim, "default", "data-db-1", labels, "merge")
        await change(cluster, replicas=1)
        await cluster.settle()
        assert set(await images(cluster)) == {"db-0", "db-1"}
        cluster.transport.let_go("persistentvolumeclaims")
        await cluster.advance(5)
        await run_pods(cluster)
        assert (set(await images(cluster)), await claims(cluster)) == ({"db-0"}, {"data-db-0": []})

    run(body, COLLECTED)


def test_a_claim_that_the_cache_does_not_show_yet_goes_with_its_pod() -> None:
    async def body(cluster: Cluster) -> None:
        cluster.transport.hold("persistentvolumeclaims")
        await cluster.client.create(stateful_set(2, parallel=True, claims=("data",), when_scaled="Delete"))
        await run_pods(cluster)
        await change(cluster, replicas=1)
        await run_pods(cluster)
        assert set(await images(cluster)) == {"db-0"}
        cluster.transport.let_go("persistentvolumeclaims")
        await cluster.advance(5)
        await run_pods(cluster)
        assert await claims(cluster) == {"data-db-0": []}

    run(body, COLLECTED)


def test_claims_go_with_the_set() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2, claims=("data",), when_deleted="Delete"))
        await run_pods(cluster)
        assert await claims(cluster) == {"data-db-0": ["StatefulSet"], "data-db-1": ["StatefulSet"]}
        await change(cluster, replicas=1)
        await run_pods(cluster)
        assert set(await claims(cluster)) == {"data-db-0", "data-db-1"}
        await cluster.client.delete(apps_v1.StatefulSet, "default", "db")
        await run_pods(cluster)
        assert (await cluster.pods(), await claims(cluster)) == ([], {})

    run(body, COLLECTED)


async def told(cluster: Cluster) -> list[str]:
    return [f"{reason}: {message}" for kind, reason, message in await cluster.events() if kind == "StatefulSet"]


async def delete_claim(cluster: Cluster, name: str) -> None:
    """It stays while it is protected, which nobody here ends."""
    await cluster.client.delete(core_v1.PersistentVolumeClaim, "default", name)


def test_a_claim_that_is_being_deleted_holds_back_its_pod_and_says_so() -> None:
    async def body(cluster: Cluster) -> None:
        made = identity.new_claims(stateful_set(1, claims=("data",)), 0)[0]
        made.metadata.finalizers = ("kubernetes.io/pvc-protection",)
        await cluster.client.create(made)
        await delete_claim(cluster, "data-db-0")
        await cluster.client.create(stateful_set(1, claims=("data", "log"), revisionHistoryLimit=0))
        for image in ("db:2", "db:3", "db:4"):
            await cluster.settle()
            await change(cluster, image)
        await cluster.settle()
        assert await cluster.pods() == []
        assert set(await claims(cluster)) == {"data-db-0", "log-db-0"}, "what can be made is made"
        why = "pvc data-db-0 is being deleted"
        assert f"FailedCreate: create Pod db-0 in StatefulSet db failed error: {why}" in await told(cluster)
        found = await cluster.client.list(apps_v1.ControllerRevision)
        assert sorted(one.revision for one in found) == [1, 4], "the history is kept within its limit"
        await free_claims(cluster)
        await run_pods(cluster)
        assert await images(cluster) == {"db-0": "db:4"}

    run(body, ONLY)


def test_claims_that_cannot_be_made_are_told_in_one_error() -> None:
    async def body(cluster: Cluster) -> None:
        quota = core_v1.ResourceQuota(
            metadata=meta_v1.ObjectMeta(name="none", namespace="default"),
            spec=core_v1.ResourceQuotaSpec(hard={"persistentvolumeclaims": Quantity("0")}),
        )
        await cluster.client.create(quota)
        await cluster.client.create(stateful_set(1, claims=("data", "log")))
        await cluster.advance(3)
        (one,) = {line for line in await told(cluster) if line.startswith("FailedCreate: create Pod")}
        head = "FailedCreate: create Pod db-0 in StatefulSet db failed error: [failed to create PVC data-db-0: "
        assert one.startswith(head)
        assert ", failed to create PVC log-db-0: " in one

    run(body, (*ONLY, "resourcequota"))


def test_a_status_is_written_although_a_claim_cannot_be_made() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(1, claims=("data",)))
        await cluster.settle()
        await delete_claim(cluster, "data-db-0")
        await cluster.settle()
        changed = await change(cluster, replicas=2)
        await cluster.settle()
        assert (await current(cluster)).status.observedGeneration == changed.metadata.generation

    run(body, ONLY)


def test_a_claim_that_cannot_be_made_holds_up_no_other_pod_of_a_parallel_set() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(2, parallel=True, claims=("data",)))
        await cluster.settle()
        await delete_claim(cluster, "data-db-0")
        lost = await cluster.client.get(core_v1.Pod, "default", "db-1")
        await cluster.client.delete(core_v1.Pod, "default", "db-1")
        await cluster.settle()
        assert (await cluster.client.get(core_v1.Pod, "default", "db-1")).metadata.uid != lost.metadata.uid

    run(body, ONLY)


def test_an_adopted_pod_that_is_too_many_goes_although_it_has_not_its_claims() -> None:
    async def body(cluster: Cluster) -> None:
        owner = stateful_set(1, claims=("data",))
        orphan = core_v1.Pod(
            metadata=meta_v1.ObjectMeta(name="db-5", namespace="default", labels={"app": "db"}),
            spec=owner.spec.template.spec,
        )
        await cluster.client.create(codec.copy(orphan))
        await cluster.client.create(owner)
        await run_pods(cluster)
        assert set(await images(cluster)) == {"db-0"}
        assert set(await claims(cluster)) == {"data-db-0"}

    run(body, ONLY)


def test_events_tell_that_claims_have_another_owner() -> None:
    async def body(cluster: Cluster) -> None:
        await cluster.client.create(stateful_set(1, claims=("data",)))
        await run_pods(cluster)
        policy = {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}
        await cluster.client.patch(apps_v1.StatefulSet, "default", "db", {"spec": policy}, "merge")
        await cluster.settle()
        assert await claims(cluster) == {"data-db-0": ["StatefulSet"]}
        assert (await told(cluster)).count("SuccessfulUpdate: update Pod db-0 in StatefulSet db successful") == 1

    run(body, ONLY)


def test_a_foreign_pod_of_that_name_is_waited_for() -> None:
    async def body(cluster: Cluster) -> None:
        template = stateful_set(1).spec.template
        squatter = core_v1.Pod(metadata=meta_v1.ObjectMeta(name="db-0", namespace="default"), spec=template.spec)
        await cluster.client.create(codec.copy(squatter))
        owner = await cluster.client.create(stateful_set(1))
        await cluster.advance(10)
        (there,) = await cluster.pods()
        assert there.metadata.ownerReferences == ()
        await cluster.remove_pod(there)
        await run_pods(cluster)
        (mine,) = await cluster.pods()
        assert owners.is_controlled_by(mine, owner)

    run(body, ONLY)


STUCK = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "db:%s"}]
"""


def done(one: apps_v1.StatefulSet) -> bool:
    status = one.status
    return (
        status.observedGeneration == one.metadata.generation
        and status.currentRevision == status.updateRevision
        and status.availableReplicas == one.spec.replicas
    )


def test_a_set_that_is_stuck_on_a_bad_image_can_be_rolled_back(podium_cluster: VirtualCluster) -> None:
    podium_cluster.apply(STUCK % "1")
    podium_cluster.wait(apps_v1.StatefulSet, "db", done)
    podium_cluster.apply(STUCK % "missing")
    podium_cluster.advance(60)
    images = [pod.spec.containers[0].image for pod in podium_cluster.list(core_v1.Pod)]
    assert sorted(images) == ["db:1", "db:1", "db:missing"]
    podium_cluster.apply(STUCK % "1")
    podium_cluster.wait(apps_v1.StatefulSet, "db", done)
    assert {pod.spec.containers[0].image for pod in podium_cluster.list(core_v1.Pod)} == {"db:1"}
