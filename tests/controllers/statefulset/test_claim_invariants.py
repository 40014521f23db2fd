"""However often a StatefulSet is scaled: in the end there are the claims of its Pods, and no others.

Only of Pods that went because there were too many: a claim whose Pod was gone before stays, in Kubernetes as here.
"""

from __future__ import annotations

from random import Random

import pytest

from podium.controllers.statefulset import identity
from podium.models import core_v1
from tests.controllers.cluster import Cluster, run
from tests.controllers.progress import finish, step
from tests.controllers.statefulset.build import stateful_set
from tests.controllers.statefulset.test_controller import COLLECTED, claims
from tests.controllers.statefulset.test_invariants import change


async def free_unused_claims(cluster: Cluster) -> bool:
    """What the controller that protects claims does; whether there was anything to do."""
    names = {pod.metadata.name for pod in await cluster.pods()}
    found = [
        claim.metadata.name
        for claim in await cluster.client.list(core_v1.PersistentVolumeClaim)
        if claim.metadata.deletionTimestamp and claim.metadata.name.removeprefix("data-") not in names
    ]
    for name in found:
        patch = {"metadata": {"finalizers": None}}
        await cluster.client.patch(core_v1.PersistentVolumeClaim, "default", name, patch, "merge")
    return bool(found)


@pytest.mark.parametrize("seed", range(16))
def test_claims_go_with_the_pods_that_are_scaled_away_and_no_others(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance = Random(seed)
        replicas, kind = chance.randint(1, 4), chance.choice(["Delete", "Retain"])
        parallel = chance.random() < 0.5
        made = stateful_set(replicas, parallel=parallel, claims=("data",), when_scaled="Delete", when_deleted=kind)
        await cluster.client.create(made)
        cluster.transport.failing = 0.2 * (seed % 4 == 3)
        for _ in range(30):
            await cluster.clock.advance(chance.choice([0.01, 0.2, 0.2]))
            if chance.random() < 0.7:
                await step(cluster, chance)
            else:
                replicas = chance.randint(0, 5)
                await change(cluster, replicas=replicas)
            await free_unused_claims(cluster)
        await finish(cluster, chance)
        cluster.transport.failing = 0
        while await free_unused_claims(cluster):
            await finish(cluster, chance)
        assert sorted(map(identity.ordinal_of, await cluster.pods())) == list(range(replicas))
        owners = ["StatefulSet"] if kind == "Delete" else []
        assert await claims(cluster) == {f"data-db-{ordinal}": owners for ordinal in range(replicas)}
        await cluster.advance(300)  # the last Events are told, too
        await cluster.assert_nothing_is_written()

    run(body, COLLECTED, seed=seed, late=0.1 * (seed % 2))
