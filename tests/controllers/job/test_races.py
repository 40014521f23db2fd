"""Races between what the Job controller does, what it is told, and what has become of its writes: one test each."""

from __future__ import annotations

from podium.models import batch_v1, codec, core_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.job import build

CONTROLLERS = ("job",)


async def succeeded(cluster: Cluster) -> int | None:
    """The count after one more look of the controller at the Job."""
    job = codec.copy(await cluster.client.get(batch_v1.Job, "default", "work"))
    job.metadata.annotations = {"looked": job.metadata.resourceVersion}
    await cluster.client.update(job)
    await cluster.advance(2)
    return (await cluster.client.get(batch_v1.Job, "default", "work")).status.succeeded


def test_a_pod_that_is_gone_but_still_shown_is_counted_once() -> None:
    """The Pod's finalizer is removed, and with it the Pod, but the answer is lost. The next attempt finds no Pod, and
    it is counted; what the cache goes on to show must not be taken for one more that has succeeded."""

    async def body(cluster: Cluster) -> None:
        made = build.job(completions=3, parallelism=1)
        made.metadata.uid = ""
        await cluster.client.create(made)
        await cluster.settle()
        await cluster.bind_pods()
        (pod,) = await cluster.pods()
        await cluster.client.delete(core_v1.Pod, "default", pod.metadata.name)
        cluster.transport.losing_answers = True

        def no_more_news(old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
            if new is not None and new.status.phase == "Succeeded":
                cluster.transport.hold("pods")

        cluster.informers.of(core_v1.Pod).on_change(no_more_news)
        await cluster.set_pod(pod, "Succeeded", ready=False)
        await cluster.remove_pod(pod)
        await cluster.advance(2)
        assert pod.metadata.name not in [one.metadata.name for one in await cluster.pods()]
        cluster.transport.losing_answers = False
        counts = [await succeeded(cluster), await succeeded(cluster), await succeeded(cluster)]
        cluster.transport.let_go("pods")
        counts.append(await succeeded(cluster))
        assert counts == [1, 1, 1, 1]

    run(body, CONTROLLERS)
