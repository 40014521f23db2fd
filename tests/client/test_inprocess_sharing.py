"""Objects are shared: what is handed in may be built from parts of them, and they must not change for it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import structs

from podium.models.coordination_v1 import Lease, LeaseSpec
from podium.models.meta_v1 import ObjectMeta
from podium.testing.virtual import VirtualCluster


def test_an_update_built_from_a_shared_object_leaves_that_object_as_it_was(podium_cluster: VirtualCluster) -> None:
    first = podium_cluster.create(
        Lease(metadata=ObjectMeta(name="x", namespace="default"), spec=LeaseSpec(holderIdentity="a"))
    )
    version = first.metadata.resourceVersion
    changed = structs.replace(first, spec=structs.replace(first.spec, holderIdentity="b"))
    second = podium_cluster.run(podium_cluster.client.update(changed))
    assert first.metadata.resourceVersion == version
    assert second.metadata.resourceVersion != version


def test_a_node_that_renews_its_lease_stays_ready(podium_clusters: Callable[..., VirtualCluster]) -> None:
    cluster = podium_clusters(lease_seconds=40)
    before = cluster.store.revision
    cluster.advance(100)
    changes = cluster.run(cluster.store.changes(before))
    assert {change.record.key.split("/")[1] for change in changes} == {"leases.coordination.k8s.io"}
