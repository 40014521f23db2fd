"""What must hold of bindings at every moment, with late news and in any order of events."""

from __future__ import annotations

import contextlib
from random import Random

import pytest

from podium.machinery import errors
from podium.models import core_v1, meta_v1
from podium.models.quantity import Quantity
from tests.controllers.cluster import Cluster, run

CONTROLLERS = ("persistentvolume-binder", "persistentvolume-protection", "persistentvolumeclaim-protection")
CLAIM = core_v1.PersistentVolumeClaim
VOLUME = core_v1.PersistentVolume


class Watcher:
    """Looks at all bindings with every change of a claim."""

    def __init__(self, cluster: Cluster) -> None:
        self.broken: list[str] = []
        self.bound = 0
        self._volume_of: dict[str, str] = {}
        cluster.truth.of(CLAIM).on_change(self._claim_changed)

    def _claim_changed(
        self, old: core_v1.PersistentVolumeClaim | None, new: core_v1.PersistentVolumeClaim | None
    ) -> None:
        if new is None:
            if old is not None:
                self._volume_of.pop(old.metadata.uid, None)
            return
        if not new.spec.volumeName:
            return
        uid, name = new.metadata.uid, new.spec.volumeName
        if self._volume_of.get(uid, name) != name:
            self.broken.append(f"{new.metadata.name} went from {self._volume_of[uid]} to {name}")
        others = [other for other, volume in self._volume_of.items() if volume == name and other != uid]
        if others:
            self.broken.append(f"{name} is shared")
        self.bound += uid not in self._volume_of
        self._volume_of[uid] = name


async def make_claim(cluster: Cluster, name: str, size: str) -> None:
    spec = core_v1.PersistentVolumeClaimSpec(
        accessModes=("ReadWriteOnce",),
        resources=core_v1.VolumeResourceRequirements(requests={"storage": Quantity(size)}),
        storageClassName="",
    )
    await cluster.client.create(CLAIM(metadata=meta_v1.ObjectMeta(name=name, namespace="default"), spec=spec))


async def make_volume(cluster: Cluster, name: str, size: str) -> None:
    spec = core_v1.PersistentVolumeSpec(
        accessModes=("ReadWriteOnce",),
        capacity={"storage": Quantity(size)},
        hostPath=core_v1.HostPathVolumeSource(path=f"/nowhere/{name}"),
        persistentVolumeReclaimPolicy="Retain",
    )
    await cluster.client.create(VOLUME(metadata=meta_v1.ObjectMeta(name=name), spec=spec))


@pytest.mark.parametrize("seed", range(8))
def test_a_volume_is_never_shared_and_a_claim_never_moved(seed: int) -> None:
    async def body(cluster: Cluster) -> None:
        chance, watcher = Random(seed), Watcher(cluster)
        for step in range(40):
            size = chance.choice(("1Gi", "2Gi", "5Gi"))
            if chance.random() < 0.45:
                await make_claim(cluster, f"c{step}", size)
            elif chance.random() < 0.8:
                await make_volume(cluster, f"v{step}", size)
            else:
                claims = await cluster.client.list(CLAIM, "default")
                if claims:
                    with contextlib.suppress(errors.NotFound):
                        await cluster.client.delete(CLAIM, "default", chance.choice(claims).metadata.name)
            if chance.random() < 0.5:
                await cluster.advance(chance.random())
        await cluster.advance(120)
        assert not watcher.broken
        assert watcher.bound > 3, "nothing was bound: the test shows nothing"
        left = {one.metadata.uid: one for one in await cluster.client.list(CLAIM, "default")}
        volumes = await cluster.client.list(VOLUME)
        for volume in volumes:
            reference = volume.spec.claimRef
            if reference is None:
                assert volume.status.phase == "Available"
            elif reference.uid in left:
                assert volume.status.phase == "Bound"
                assert left[reference.uid].spec.volumeName == volume.metadata.name
            else:
                assert volume.status.phase == "Released"
        free = [volume for volume in volumes if volume.status.phase == "Available"]
        for claim in left.values():
            assert claim.status.phase == ("Bound" if claim.spec.volumeName else "Pending")
            if not claim.spec.volumeName:
                asked = claim.spec.resources.requests["storage"].value
                assert not [one for one in free if one.spec.capacity["storage"].value >= asked]

    run(body, CONTROLLERS, seed=seed, late=2)
