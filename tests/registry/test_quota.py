"""ResourceQuota as admission: what is counted, what is refused and how, and that a quota is never exceeded."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import apps_v1, core_v1, meta_v1, quota
from podium.models.quantity import Quantity, number
from podium.models.quota_ledger import Ledger
from podium.registry.storage import Event
from podium.registry.types import Request
from tests.registry.world import World, changed, config_map, meta, pod

POD = core_v1.Pod


def amounts(**given: str) -> dict[str, Quantity]:
    return {name.replace("__", "."): Quantity(value) for name, value in given.items()}


def limit(
    world: World, name: str = "q", more: dict[str, str] | None = None, *, scopes: tuple[str, ...] = (), **hard: str
) -> core_v1.ResourceQuota:
    """A quota of `hard`, and of `more`, whose names aren't Python's."""
    spec = core_v1.ResourceQuotaSpec(hard=amounts(**hard, **(more or {})), scopes=scopes)
    made: core_v1.ResourceQuota = world.create(core_v1.ResourceQuota(metadata=meta(name), spec=spec))
    return made


def asking(
    name: str, requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **spec: Any
) -> core_v1.Pod:
    made = pod(name, **spec)
    made.spec.containers[0].resources = core_v1.ResourceRequirements(
        requests={key: Quantity(value) for key, value in (requests or {}).items()},
        limits={key: Quantity(value) for key, value in (limits or {}).items()},
    )
    return made


def refused(world: World, obj: Any) -> str:
    with pytest.raises(errors.Forbidden) as caught:
        world.create(obj)
    return caught.value.message


class TestRefusal:
    def test_too_many_pods(self, world: World) -> None:
        limit(world, pods="2")
        world.create(pod("a"))
        world.create(pod("b"))
        assert refused(world, pod("c")) == (
            'pods "c" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'
        )

    def test_only_what_is_exceeded_is_named(self, world: World) -> None:
        limit(world, pods="5", requests__cpu="1", requests__memory="1Gi", limits__cpu="2")
        assert refused(world, asking("a", {"cpu": "1500m", "memory": "2Gi"}, {"cpu": "1500m"})) == (
            'pods "a" is forbidden: exceeded quota: q, requested: requests.cpu=1500m,requests.memory=2Gi, '
            "used: requests.cpu=0,requests.memory=0, limited: requests.cpu=1,requests.memory=1Gi"
        )

    def test_a_pod_has_to_say_what_it_wants(self, world: World) -> None:
        limit(world, limits__cpu="2", memory="1Gi")
        assert refused(world, asking("a", {"cpu": "1"})) == (
            'pods "a" is forbidden: failed quota: q: must specify limits.cpu for: main; memory for: main'
        )

    def test_pod_level_resources_say_it_too(self, world: World) -> None:
        limit(world, requests__cpu="2")
        whole = core_v1.ResourceRequirements(requests={"cpu": Quantity("1")}, limits={"cpu": Quantity("1")})
        world.create(pod("a", resources=whole))
        assert "used: requests.cpu=1" in refused(world, asking("b", {"cpu": "1500m"}))

    def test_other_namespaces_are_free(self, world: World) -> None:
        limit(world, pods="0")
        world.create(pod("a", "other"))

    def test_every_quota_counts(self, world: World) -> None:
        limit(world, "loose", pods="5")
        limit(world, "tight", pods="1")
        world.create(pod("a"))
        assert "exceeded quota: tight" in refused(world, pod("b"))

    def test_what_was_there_before_the_quota_counts(self, world: World) -> None:
        world.create(pod("a"))
        limit(world, pods="1")
        assert "used: pods=1" in refused(world, pod("b"))

    def test_a_dry_run_is_checked_and_uses_nothing(self, world: World) -> None:
        limit(world, pods="1")
        for _ in range(3):
            world.create(pod("a"), Request(dry_run=True))
        world.create(pod("a"))
        with pytest.raises(errors.Forbidden):
            world.create(pod("b"), Request(dry_run=True))

    def test_what_fails_uses_nothing(self, world: World) -> None:
        limit(world, pods="2")
        world.create(pod("a"))
        for _ in range(3):
            with pytest.raises(errors.AlreadyExists):
                world.create(pod("a"))
        world.create(pod("b"))

    def test_a_changed_quota_holds_at_once(self, world: World) -> None:
        made = limit(world, pods="1")
        world.create(pod("a"))
        assert refused(world, pod("b"))
        world.update(changed(made, spec__hard=amounts(pods="2")))
        world.create(pod("b"))
        world.delete(core_v1.ResourceQuota, "q")
        world.create(pod("c"))


class TestRelease:
    def test_a_pod_that_is_gone(self, world: World) -> None:
        limit(world, pods="1")
        world.create(pod("a"))
        assert refused(world, pod("b"))
        world.delete(POD, "a")
        world.create(pod("b"))

    def test_a_finished_pod_uses_its_count_only(self, world: World) -> None:
        limit(world, pods="1")
        limit(world, "objects", {"count/pods": "2"})
        made = world.create(pod("a"))
        world.update(changed(made, status__phase="Succeeded"), "status")
        world.create(pod("b"))
        assert "count/pods=2" in refused(world, pod("c"))

    def test_a_pod_that_should_have_ended_by_now(self, world: World) -> None:
        limit(world, pods="1")
        world.create(pod("a", nodeName="gone"))
        world.delete(POD, "a")
        assert refused(world, pod("b"))
        world.run(world.clock.sleep(61))  # the grace period, and as much again
        world.create(pod("b"))


class TestKinds:
    def test_object_counts(self, world: World) -> None:
        limit(world, more={"count/deployments.apps": "0"}, configmaps="1")
        world.create(config_map("a"))
        assert "requested: configmaps=1, used: configmaps=1" in refused(world, config_map("b"))
        labels = {"app": "a"}
        template = core_v1.PodTemplateSpec(metadata=meta_v1.ObjectMeta(labels=labels), spec=pod().spec)
        deployment = apps_v1.Deployment(
            metadata=meta("web"),
            spec=apps_v1.DeploymentSpec(selector=meta_v1.LabelSelector(matchLabels=labels), template=template),
        )
        assert "count/deployments.apps=1" in refused(world, deployment)

    def test_services_by_type_also_when_it_changes(self, world: World) -> None:
        limit(world, services="2", services__nodeports="1", services__loadbalancers="0")
        port = core_v1.ServicePort(port=80)
        made = world.create(core_v1.Service(metadata=meta("a"), spec=core_v1.ServiceSpec(ports=(port,))))
        two = (core_v1.ServicePort(name="a", port=80), core_v1.ServicePort(name="b", port=81))
        with pytest.raises(errors.Forbidden, match=r"requested: services\.nodeports=2, used: services\.nodeports=0"):
            world.update(changed(made, spec__type="NodePort", spec__ports=two))
        world.update(changed(made, spec__type="NodePort"))
        balanced = core_v1.Service(metadata=meta("b"), spec=core_v1.ServiceSpec(type="LoadBalancer", ports=(port,)))
        assert "services.loadbalancers=1,services.nodeports=1" in refused(world, balanced)

    def test_claims_by_class(self, world: World) -> None:
        limit(world, more={"requests.storage": "10Gi", "gold.storageclass.storage.k8s.io/requests.storage": "1Gi"})

        def claim(name: str, size: str, of: str) -> core_v1.PersistentVolumeClaim:
            resources = core_v1.VolumeResourceRequirements(requests={"storage": Quantity(size)})
            spec = core_v1.PersistentVolumeClaimSpec(
                accessModes=("ReadWriteOnce",), resources=resources, storageClassName=of
            )
            return core_v1.PersistentVolumeClaim(metadata=meta(name), spec=spec)

        assert "gold.storageclass.storage.k8s.io/requests.storage=2Gi" in refused(world, claim("a", "2Gi", "gold"))
        world.create(claim("a", "2Gi", "iron"))
        assert "used: requests.storage=2Gi" in refused(world, claim("b", "9Gi", "iron"))


class TestUsage:
    """The sums, without a server."""

    @pytest.mark.parametrize(
        ("inits", "containers", "overhead", "total"),
        [
            ([], ["1", "500m"], "", "1500m"),
            ([("2", "")], ["1", "500m"], "", "2"),
            ([("1", ""), ("1200m", "")], ["1"], "", "1200m"),
            ([("500m", "Always"), ("1", "")], ["1", "1"], "", "2500m"),
            ([("2", ""), ("500m", "Always")], ["1"], "250m", "2250m"),
        ],
    )
    def test_requests(self, inits: list[tuple[str, str]], containers: list[str], overhead: str, total: str) -> None:
        def container(cpu: str, policy: str = "") -> core_v1.Container:
            resources = core_v1.ResourceRequirements(requests={"cpu": Quantity(cpu)})
            return core_v1.Container(name="c", image="i", restartPolicy=policy, resources=resources)

        spec = core_v1.PodSpec(
            initContainers=tuple(container(*each) for each in inits),
            containers=tuple(container(each) for each in containers),
            overhead={"cpu": Quantity(overhead)} if overhead else {},
        )
        made = core_v1.Pod(spec=spec)
        assert quota.requests(made) == {"cpu": total}
        assert quota.limits(made) == {}

    @pytest.mark.parametrize(
        ("name", "resource"),
        [
            ("pods", "pods"),
            ("cpu", "pods"),
            ("limits.memory", "pods"),
            ("requests.nvidia.com/gpu", "pods"),
            ("hugepages-2Mi", "pods"),
            ("requests.storage", "persistentvolumeclaims"),
            ("gold.storageclass.storage.k8s.io/persistentvolumeclaims", "persistentvolumeclaims"),
            ("services.nodeports", "services"),
            ("secrets", "secrets"),
            ("count/jobs.batch", "jobs.batch"),
            ("example.com/widgets", ""),
        ],
    )
    def test_tracked(self, name: str, resource: str) -> None:
        assert quota.tracked(name) == resource

    @pytest.mark.parametrize(
        ("scope", "operator", "values", "spec", "counted"),
        [
            ("Terminating", "Exists", (), {"activeDeadlineSeconds": 5}, True),
            ("Terminating", "Exists", (), {}, False),
            ("NotTerminating", "Exists", (), {}, True),
            ("PriorityClass", "Exists", (), {}, False),
            ("PriorityClass", "Exists", (), {"priorityClassName": "high"}, True),
            ("PriorityClass", "In", ("high",), {"priorityClassName": "high"}, True),
            ("PriorityClass", "In", ("high",), {"priorityClassName": "low"}, False),
            ("PriorityClass", "NotIn", ("high",), {"priorityClassName": "low"}, True),
            ("PriorityClass", "DoesNotExist", (), {}, True),
            ("CrossNamespacePodAffinity", "Exists", (), {}, False),
            (
                "CrossNamespacePodAffinity",
                "Exists",
                (),
                {
                    "affinity": core_v1.Affinity(
                        podAntiAffinity=core_v1.PodAntiAffinity(
                            requiredDuringSchedulingIgnoredDuringExecution=(core_v1.PodAffinityTerm(namespaces=("x",)),)
                        )
                    )
                },
                True,
            ),
        ],
    )
    def test_scopes(
        self, scope: str, operator: str, values: tuple[str, ...], spec: dict[str, Any], counted: bool
    ) -> None:
        one = core_v1.ScopedResourceSelectorRequirement(scopeName=scope, operator=operator, values=values)
        of = core_v1.ResourceQuotaSpec(scopeSelector=core_v1.ScopeSelector(matchExpressions=(one,)))
        assert quota.in_scopes(of, "pods", pod(**spec)) is counted
        assert quota.in_scopes(of, "services", core_v1.Service()) is False

    def test_best_effort(self, world: World) -> None:
        limit(world, "best", scopes=("BestEffort",), pods="1")
        limit(world, "other", scopes=("NotBestEffort",), pods="1")
        world.create(pod("a"))
        world.create(asking("b", {"cpu": "1"}))
        assert "exceeded quota: best" in refused(world, pod("c"))
        assert "exceeded quota: other" in refused(world, asking("d", {"cpu": "1"}))

    def test_time_alone_frees_what_should_have_ended(self, world: World) -> None:
        ledger, now = (
            Ledger(core_v1.ResourceQuotaSpec(hard=amounts(pods="9", **{"count/pods": "9"}))),
            world.clock.now(),
        )
        made = pod("a")
        made.metadata.uid, made.metadata.deletionTimestamp = "u", now + timedelta(seconds=30)
        made.metadata.deletionGracePeriodSeconds = 30
        ledger.put("pods", made, now)
        assert ledger.used() == {"pods": "1", "count/pods": "1"}
        assert ledger.next_change() == now + timedelta(seconds=60)
        ledger.pass_time(now + timedelta(seconds=60))
        assert ledger.used()["pods"] == "1"
        ledger.pass_time(now + timedelta(seconds=61))
        assert ledger.used() == {"pods": "0", "count/pods": "1"}
        assert ledger.next_change() is None


class Watcher:
    """Adds up, with every single change, what the objects there are use, and notes when it is too much."""

    def __init__(self, world: World, hard: dict[str, Quantity]) -> None:
        self.most = {name: number(amount) for name, amount in hard.items()}
        self.broken: list[str] = []
        self.there: dict[str, core_v1.Pod] = {}
        self.full = 0
        world.core.live("pods").listeners.append(self._changed)

    def _changed(self, event: Event) -> None:
        if event.deleted:
            self.there.pop(event.entry.key, None)
        else:
            self.there[event.entry.key] = event.entry.object
        running = [one for one in self.there.values() if one.status.phase not in ("Succeeded", "Failed")]
        total = {"pods": number(str(len(running))), "requests.cpu": number("0")}
        for one in running:
            total["requests.cpu"] += number(one.spec.containers[0].resources.requests["cpu"])
        self.broken += [f"{name}: {total[name]}" for name, most in self.most.items() if total[name] > most]
        self.full += total["pods"] == self.most["pods"] or total["requests.cpu"] == self.most["requests.cpu"]


@pytest.mark.parametrize("seed", range(6))
def test_a_quota_is_never_exceeded(world: World, seed: int) -> None:
    """Many writers at once create, finish and delete Pods: at no change is there more than the quota allows, and what
    is free can be had."""
    made = limit(world, pods="5", requests__cpu="3")
    watcher, chance = Watcher(world, made.spec.hard), Random(seed)

    async def writer(name: str, chance: Random) -> None:
        for step in range(25):
            await world.clock.sleep(chance.randrange(3))
            mine = f"{name}-{step}"
            try:
                await world.do_create(asking(mine, {"cpu": chance.choice(("250m", "500m", "1"))}))
                await world.clock.sleep(chance.randrange(3))
                if chance.random() < 0.3:
                    done = {"status": {"phase": "Succeeded"}}
                    await world.do_patch(POD, mine, done, subresource="status")
                await world.clock.sleep(chance.randrange(3))
                await world.do_delete(POD, mine)
            except errors.Forbidden:
                continue

    async def all_writers() -> None:
        await asyncio.gather(*(writer(f"w{index}", Random(chance.random())) for index in range(12)))

    world.run(all_writers())
    assert not watcher.broken
    assert watcher.full > 20, "the quota was never reached: the test shows nothing"
    assert not watcher.there
    for index in range(5):
        world.create(asking(f"last-{index}", {"cpu": "600m"}))


def test_creates_of_the_same_moment(world: World) -> None:
    """Admission of all of them comes before the first of them is stored."""
    limit(world, pods="3")
    results = world.together(*(world.do_create(pod(f"p{index}")) for index in range(10)))
    assert sum(isinstance(one, core_v1.Pod) for one in results) == 3
    assert sum(isinstance(one, errors.Forbidden) for one in results) == 7
