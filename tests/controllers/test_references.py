"""Adoption and release by the controlling owner's reference."""

from __future__ import annotations

from typing import Any

import pytest

from podium.controllers import references
from podium.machinery import errors
from podium.models import codec, core_v1, owners, selectors
from tests.controllers.build import NOW, pod
from tests.controllers.cluster import Cluster, replica_set, run

SELECTOR = selectors.of_labels({"app": "web"})
OTHER = {"app": "other"}


@pytest.mark.parametrize(
    ("own", "free", "deleting", "keep", "adopt", "release"),
    [
        pytest.param([pod("a")], [], False, "a", "", "", id="keeps what matches"),
        pytest.param([pod("a"), pod("b", labels=OTHER)], [], False, "a", "", "b", id="releases what doesn't"),
        pytest.param([], [pod("a"), pod("b", labels=OTHER)], False, "", "a", "", id="adopts what matches"),
        pytest.param([], [pod("a", deleting=True)], False, "", "", "", id="adopts nothing that goes"),
        pytest.param([pod("a"), pod("b", labels=OTHER)], [pod("c")], True, "a", "", "", id="does nothing when it goes"),
    ],
)
def test_claims(own: list[Any], free: list[Any], deleting: bool, keep: str, adopt: str, release: str) -> None:
    owner = replica_set(1)
    owner.metadata.deletionTimestamp = NOW if deleting else None
    claims = references.claims(owner, SELECTOR, own, free)
    found = [" ".join(one.metadata.name for one in part) for part in (claims.keep, claims.adopt, claims.release)]
    assert found == [keep, adopt, release]


def test_an_owner_that_is_another_one_by_now_adopts_nothing() -> None:
    async def body(cluster: Cluster) -> None:
        owner = await cluster.client.create(replica_set(0))
        stale = codec.copy(owner)
        stale.metadata.uid = "another"
        orphan = core_v1.Pod(metadata=pod("a").metadata, spec=replica_set(1).spec.template.spec)
        orphan = await cluster.client.create(orphan)
        with pytest.raises(errors.Conflict):
            await references.act(cluster.client, stale, references.Claims((), [orphan], ()))
        assert (await cluster.pods())[0].metadata.ownerReferences == ()
        (adopted,) = await references.act(cluster.client, owner, references.Claims((), [orphan], ()))
        assert owners.is_controlled_by(adopted, owner)
        assert adopted.metadata.ownerReferences[0].blockOwnerDeletion
        assert await references.act(cluster.client, owner, references.Claims((), (), [adopted])) == []
        assert (await cluster.pods())[0].metadata.ownerReferences == ()

    run(body, names=())
