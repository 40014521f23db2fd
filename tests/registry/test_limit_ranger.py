"""LimitRanges as admission: what is filled in, what is refused and how."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import errors
from podium.models import core_v1
from podium.models.quantity import Quantity
from podium.registry.admission.limit_ranger import ANNOTATION
from tests.registry.world import World, meta, pod


def given(world: World, name: str = "limits", kind: str = "Container", **bounds: dict[str, str]) -> None:
    item = core_v1.LimitRangeItem(
        type=kind, **{key: {name: Quantity(amount) for name, amount in value.items()} for key, value in bounds.items()}
    )
    world.create(core_v1.LimitRange(metadata=meta(name), spec=core_v1.LimitRangeSpec(limits=(item,))))


def needs(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None) -> core_v1.ResourceRequirements:
    return core_v1.ResourceRequirements(
        requests={key: Quantity(value) for key, value in (requests or {}).items()},
        limits={key: Quantity(value) for key, value in (limits or {}).items()},
    )


def container(name: str = "main", **resources: Any) -> core_v1.Container:
    return core_v1.Container(name=name, image="i", resources=needs(**resources))


class TestDefaults:
    def test_what_is_not_said_is_filled_in(self, world: World) -> None:
        given(world, default={"cpu": "1", "memory": "1Gi"}, defaultRequest={"cpu": "500m"})
        made = world.create(pod(containers=(container(requests={"memory": "64Mi"}),), initContainers=(container("i"),)))
        (one,) = made.spec.containers
        assert one.resources == needs({"cpu": "500m", "memory": "64Mi"}, {"cpu": "1", "memory": "1Gi"})
        (init,) = made.spec.initContainers
        assert init.resources == needs({"cpu": "500m", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"})
        assert made.metadata.annotations[ANNOTATION] == (
            "LimitRanger plugin set: cpu request for container main; cpu, memory limit for container main; "
            "cpu, memory request for init container i; cpu, memory limit for init container i"
        )
        assert made.status.qosClass == "Burstable"

    def test_what_is_said_stays(self, world: World) -> None:
        given(world, default={"cpu": "1"}, defaultRequest={"cpu": "500m"})
        made = world.create(pod(containers=(container(requests={"cpu": "100m"}, limits={"cpu": "2"}),)))
        assert made.spec.containers[0].resources == needs({"cpu": "100m"}, {"cpu": "2"})
        assert ANNOTATION not in made.metadata.annotations

    def test_not_in_other_namespaces(self, world: World) -> None:
        given(world, default={"cpu": "1"})
        assert not world.create(pod(namespace="other")).spec.containers[0].resources.limits


def refused(world: World, obj: Any) -> str:
    with pytest.raises(errors.Forbidden) as caught:
        world.create(obj)
    prefix, _, why = caught.value.message.partition(" is forbidden: ")
    assert prefix.startswith(("pods", "persistentvolumeclaims"))
    return why


class TestBounds:
    @pytest.mark.parametrize(
        ("bounds", "resources", "why"),
        [
            (
                {"min": {"cpu": "200m"}},
                {"requests": {"cpu": "100m"}},
                "minimum cpu usage per Container is 200m, but request is 100m",
            ),
            (
                {"max": {"cpu": "1"}},
                {"limits": {"cpu": "2"}},
                "maximum cpu usage per Container is 1, but limit is 2",
            ),
            (
                {"max": {"cpu": "1"}},
                {"requests": {"cpu": "2"}, "limits": {"cpu": "3"}},
                "maximum cpu usage per Container is 1, but limit is 3",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}},
                "cpu max limit to request ratio per Container is 2, but provided ratio is 5.000000",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {},
                "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
            ),
            (
                {"maxLimitRequestRatio": {"cpu": "2"}},
                {"requests": {"cpu": "1"}},
                "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
            ),
            (
                {"max": {"cpu": "1", "memory": "1Gi"}},
                {"limits": {"cpu": "2", "memory": "2Gi"}},
                "[maximum cpu usage per Container is 1, but limit is 2, "
                "maximum memory usage per Container is 1Gi, but limit is 2Gi]",
            ),
        ],
    )
    def test_of_containers(self, world: World, bounds: dict[str, Any], resources: dict[str, Any], why: str) -> None:
        given(world, **bounds)
        assert refused(world, pod(containers=(container(**resources),))) == why

    def test_within(self, world: World) -> None:
        given(world, min={"cpu": "100m"}, max={"cpu": "1"}, maxLimitRequestRatio={"cpu": "4"})
        world.create(pod(containers=(container(requests={"cpu": "250m"}, limits={"cpu": "1"}),)))

    def test_of_pods(self, world: World) -> None:
        given(world, kind="Pod", max={"cpu": "1"}, min={"memory": "1Gi"})
        both = tuple(container(name, limits={"cpu": "600m"}, requests={"cpu": "100m"}) for name in ("a", "b"))
        assert refused(world, pod(containers=both)) == (
            "[minimum memory usage per Pod is 1Gi.  No request is specified, "
            "maximum cpu usage per Pod is 1, but limit is 1200m]"
        )
        assert "maximum cpu usage per Pod is 1.  No limit is specified" in refused(world, pod())

    def test_of_claims(self, world: World) -> None:
        given(world, kind="PersistentVolumeClaim", min={"storage": "1Gi"}, max={"storage": "2Gi"})

        def claim(size: str) -> core_v1.PersistentVolumeClaim:
            resources = core_v1.VolumeResourceRequirements(requests={"storage": Quantity(size)})
            spec = core_v1.PersistentVolumeClaimSpec(accessModes=("ReadWriteOnce",), resources=resources)
            return core_v1.PersistentVolumeClaim(metadata=meta("c"), spec=spec)

        assert refused(world, claim("5Gi")) == (
            "maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi"
        )
        assert refused(world, claim("1Mi")) == (
            "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi"
        )
        world.create(claim("1500Mi"))
