"""Who serves which group version, and what every start makes of what it finds."""

from __future__ import annotations

from random import Random

import pytest

from podium.machinery import errors
from podium.models.apiregistration_v1 import APIService, APIServiceSpec, ServiceReference
from podium.registry import aggregation
from podium.registry.registry import Registry
from podium.registry.types import SYSTEM
from tests.registry.world import World, meta


def service(group: str, version: str, priority: int = 15, *, local: bool = False) -> APIService:
    reference = None if local else ServiceReference(namespace="default", name="x")
    return APIService(
        metadata=meta(f"{version}.{group}", ""),
        spec=APIServiceSpec(
            group=group, version=version, groupPriorityMinimum=100, versionPriority=priority, service=reference
        ),
    )


def test_order_of_versions() -> None:
    names = ["v1beta1", "v2", "other", "v1", "v1alpha1", "v1beta2", "v11", "v1alpha2"]
    wanted = ["v11", "v2", "v1", "v1beta2", "v1beta1", "v1alpha2", "v1alpha1", "other"]
    assert sorted(names, key=lambda name: aggregation.version_order(15, name)) == wanted
    assert aggregation.version_order(16, "v1alpha1") < aggregation.version_order(15, "v2")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/apis/x.io/v1", ("x.io", "v1")),
        ("/apis/x.io/v1/namespaces/a/b", ("x.io", "v1")),
        ("/apis/x.io", None),
        ("/apis//v1", None),
        ("/apis/../v1", None),
        ("/api/v1/pods", None),
        ("apis/x.io/v1", None),
    ],
)
def test_paths(path: str, found: tuple[str, str] | None) -> None:
    if found is None:
        with pytest.raises(errors.PathNotFound):
            aggregation.group_version(path)
    else:
        assert aggregation.group_version(path) == found


def test_versions_of_a_group(world: World) -> None:
    assert aggregation.versions(world.core, "autoscaling") == ("v2", "v1")
    assert aggregation.versions(world.core, "x.io") == ()
    world.create(service("x.io", "v1beta1", 20))
    world.create(service("x.io", "v1", 10))
    world.create(service("y.io", "v1", local=True))
    assert aggregation.versions(world.core, "x.io") == ("v1beta1", "v1")
    assert aggregation.versions(world.core, "y.io") == ()


def test_who_is_asked(world: World) -> None:
    async def ask(path: str) -> bytes:
        return await world.registry.ask_extension(SYSTEM, path, {})

    with pytest.raises(errors.PathNotFound):
        world.run(ask("/apis/x.io/v1/things"))
    created = world.create(service("x.io", "v1"))
    with pytest.raises(errors.ServiceUnavailable, match="service unavailable"):
        world.run(ask("/apis/x.io/v1/things"))
    world.patch(
        APIService,
        created.metadata.name,
        {"status": {"conditions": [{"type": "Available", "status": "True"}]}},
        subresource="status",
    )
    with pytest.raises(errors.ServiceUnavailable):
        world.run(ask("/apis/x.io/v1/things"))


def test_a_start_takes_back_what_is_served_here(world: World) -> None:
    world.run(world.registry.stop())
    world.run(world.registry.start())
    batch = world.get(APIService, "v1.batch")
    taken = service("batch", "v1")
    taken.metadata.resourceVersion = batch.metadata.resourceVersion
    taken.metadata.labels = batch.metadata.labels
    world.update(taken)
    assert aggregation.extension(world.core, "batch", "v1") is not None
    world.delete(APIService, "v1.apps")
    free = world.get(APIService, "v1.policy")
    released = service("policy", "v1")
    released.metadata.resourceVersion = free.metadata.resourceVersion
    world.update(released)
    world.create(service("x.io", "v1"))
    world.run(world.registry.stop())

    again = Registry(world.store, world.clock, Random(8))
    world.run(again.start())
    assert aggregation.extension(again.core, "batch", "v1") is None
    assert again.live(aggregation.API_SERVICES).get("", "v1.apps") is not None
    assert aggregation.extension(again.core, "policy", "v1") is not None, "it says that it is not to be managed"
    assert aggregation.extension(again.core, "x.io", "v1") is not None
    world.run(again.stop())
