"""Admission plugins: what each adds to a write and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import errors
from podium.models import core_v1, meta_v1, networking_v1, node_v1, scheduling_v1
from podium.models.quantity import Quantity
from podium.registry.admission.base import Base
from podium.registry.admission.chain import Attributes, Chain
from podium.registry.admission.service_account import MOUNT_PATH
from tests.registry.world import World, changed, config_map, meta, pod

POD = core_v1.Pod


class TestNamespaceLifecycle:
    def test_a_namespace_has_to_be_there(self, world: World) -> None:
        with pytest.raises(errors.NotFound) as caught:
            world.create(config_map("a", "nowhere"))
        assert caught.value.message == 'namespaces "nowhere" not found'

    def test_nothing_is_created_in_one_that_ends(self, world: World) -> None:
        world.create(config_map("there", "other"))
        world.update(changed(world.get(core_v1.Namespace, "other"), spec__finalizers=("kubernetes",)), "finalize")
        world.delete(core_v1.Namespace, "other")
        with pytest.raises(errors.Forbidden) as caught:
            world.create(config_map("a", "other"))
        status = caught.value.status()
        assert status.message == (
            'configmaps "a" is forbidden: unable to create new content in namespace other because it is being '
            "terminated"
        )
        assert status.details is not None
        cause = status.details.causes[0]
        assert (cause.reason, cause.field) == ("NamespaceTerminating", "metadata.namespace")
        assert cause.message == "namespace other is being terminated"
        world.update(config_map("there", "other", x="1"))
        world.delete(core_v1.ConfigMap, "there", "other")


class TestIngressClass:
    def test_the_newest_default_one_unless_one_is_named(self, world: World) -> None:
        def made(name: str, spec: dict[str, Any], annotations: dict[str, str]) -> str:
            backend = networking_v1.IngressBackend(resource=core_v1.TypedLocalObjectReference(kind="K", name="n"))
            metadata = meta(name, annotations=annotations)
            spec = {"defaultBackend": backend, **spec}
            made = world.create(networking_v1.Ingress(metadata=metadata, spec=networking_v1.IngressSpec(**spec)))
            named: str = made.spec.ingressClassName
            return named

        assert made("before", {}, {}) == ""
        for name, default in (("old", "true"), ("newest", "true"), ("none", "false")):
            annotations = {"ingressclass.kubernetes.io/is-default-class": default}
            spec = networking_v1.IngressClassSpec(controller="example.com/c")
            world.create(networking_v1.IngressClass(metadata=meta(name, "", annotations=annotations), spec=spec))
            world.run(world.clock.sleep(1))
        assert made("a", {}, {}) == "newest"
        assert made("b", {"ingressClassName": "none"}, {}) == "none"
        assert made("c", {}, {"kubernetes.io/ingress.class": "nginx"}) == ""


class TestServiceAccount:
    def test_the_default_one(self, world: World) -> None:
        made = world.create(pod())
        assert made.spec.serviceAccountName == made.spec.serviceAccount == "default"

    def test_it_has_to_be_there(self, world: World) -> None:
        with pytest.raises(errors.Forbidden) as caught:
            world.create(pod(serviceAccountName="sa"))
        assert caught.value.message == (
            'pods "web" is forbidden: error looking up service account default/sa: serviceaccount "sa" not found'
        )

    def test_a_generated_name_is_shown_by_its_beginning(self, world: World) -> None:
        made = pod("", serviceAccountName="sa")
        made.metadata.generateName = "web-"
        with pytest.raises(errors.Forbidden, match='pods "web-" is forbidden'):
            world.create(made)

    def test_its_token_is_mounted(self, world: World) -> None:
        init = core_v1.Container(name="init", image="i")
        made = world.create(pod(initContainers=(init,)))
        (volume,) = made.spec.volumes
        assert volume.name.startswith("kube-api-access-")
        assert len(volume.name) == len("kube-api-access-") + 5
        token, root_ca, namespace = volume.projected.sources
        assert (token.serviceAccountToken.path, token.serviceAccountToken.expirationSeconds) == ("token", 3607)
        assert (root_ca.configMap.name, root_ca.configMap.items[0].path) == ("kube-root-ca.crt", "ca.crt")
        assert namespace.downwardAPI.items[0].fieldRef.fieldPath == "metadata.namespace"
        assert volume.projected.defaultMode == 420
        for container in (*made.spec.initContainers, *made.spec.containers):
            (mount,) = container.volumeMounts
            assert (mount.name, mount.mountPath, mount.readOnly) == (volume.name, MOUNT_PATH, True)

    @pytest.mark.parametrize(
        ("of_pod", "of_account", "mounted"),
        [
            (None, None, True),
            (False, None, False),
            (None, False, False),
            (True, False, True),
            (False, True, False),
        ],
    )
    def test_unless_someone_says_no(
        self, world: World, of_pod: bool | None, of_account: bool | None, mounted: bool
    ) -> None:
        account = core_v1.ServiceAccount(metadata=meta("sa"), automountServiceAccountToken=of_account)
        world.create(account)
        made = world.create(pod(serviceAccountName="sa", automountServiceAccountToken=of_pod))
        assert bool(made.spec.volumes) is mounted

    def test_what_is_mounted_there_stays(self, world: World) -> None:
        made = pod(volumes=(core_v1.Volume(name="own", emptyDir=core_v1.EmptyDirVolumeSource()),))
        made.spec.containers[0].volumeMounts = (core_v1.VolumeMount(name="own", mountPath=MOUNT_PATH),)
        made = world.create(made)
        assert [volume.name for volume in made.spec.volumes] == ["own"]

    def test_secrets_for_images_come_from_it(self, world: World) -> None:
        secret = core_v1.LocalObjectReference(name="s")
        world.create(core_v1.ServiceAccount(metadata=meta("sa"), imagePullSecrets=(secret,)))
        assert world.create(pod(serviceAccountName="sa")).spec.imagePullSecrets == (secret,)

    def test_mirror_pods_are_left_alone(self, world: World) -> None:
        mirror = pod(nodeName="n")
        mirror.metadata.annotations = {"kubernetes.io/config.mirror": "x"}
        assert not world.create(mirror).spec.volumes


class TestTolerations:
    def test_five_minutes(self, world: World) -> None:
        added = world.create(pod()).spec.tolerations
        assert [(one.key, one.operator, one.effect, one.tolerationSeconds) for one in added] == [
            ("node.kubernetes.io/not-ready", "Exists", "NoExecute", 300),
            ("node.kubernetes.io/unreachable", "Exists", "NoExecute", 300),
        ]

    @pytest.mark.parametrize(
        ("own", "count"),
        [
            (core_v1.Toleration(operator="Exists"), 1),
            (core_v1.Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoExecute"), 2),
            (core_v1.Toleration(key="node.kubernetes.io/not-ready", operator="Exists", effect="NoSchedule"), 3),
        ],
    )
    def test_what_is_tolerated_anyway_is_not_added(self, world: World, own: core_v1.Toleration, count: int) -> None:
        assert len(world.create(pod(tolerations=(own,))).spec.tolerations) == count


def priority_class(name: str, value: int, **more: Any) -> scheduling_v1.PriorityClass:
    return scheduling_v1.PriorityClass(metadata=meta(name, ""), value=value, **more)


class TestPriority:
    def test_zero_by_default(self, world: World) -> None:
        made = world.create(pod())
        assert (made.spec.priority, made.spec.preemptionPolicy) == (0, "PreemptLowerPriority")

    def test_from_its_class(self, world: World) -> None:
        world.create(priority_class("high", 1000, preemptionPolicy="Never"))
        made = world.create(pod(priorityClassName="high"))
        assert (made.spec.priority, made.spec.preemptionPolicy) == (1000, "Never")

    def test_from_the_default_class(self, world: World) -> None:
        world.create(priority_class("usual", 7, globalDefault=True))
        made = world.create(pod())
        assert (made.spec.priorityClassName, made.spec.priority) == ("usual", 7)

    def test_of_which_there_is_one(self, world: World) -> None:
        world.create(priority_class("usual", 7, globalDefault=True))
        with pytest.raises(errors.Forbidden, match="PriorityClass usual is already marked as default"):
            world.create(priority_class("other", 8, globalDefault=True))

    def test_those_of_the_system_stay(self, world: World) -> None:
        for name, value in (("system-node-critical", 2_000_001_000), ("mine", 5)):
            world.create(scheduling_v1.PriorityClass(metadata=meta(name, ""), value=value))
        with pytest.raises(errors.Forbidden) as caught:
            world.delete(scheduling_v1.PriorityClass, "system-node-critical")
        assert caught.value.message == (
            'priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: '
            "this is a system priority class and cannot be deleted"
        )
        world.delete(scheduling_v1.PriorityClass, "mine")
        assert world.names(scheduling_v1.PriorityClass) == ["system-node-critical"]

    def test_an_unknown_class(self, world: World) -> None:
        with pytest.raises(errors.Forbidden) as caught:
            world.create(pod(priorityClassName="x"))
        assert caught.value.message == 'pods "web" is forbidden: no PriorityClass with name x was found'

    def test_it_is_not_the_clients_to_say(self, world: World) -> None:
        with pytest.raises(errors.Forbidden, match=r"the integer value of priority \(5\) must not be provided"):
            world.create(pod(priority=5))
        with pytest.raises(errors.Forbidden, match=r"the string value of PreemptionPolicy \(Never\) must not be"):
            world.create(pod(preemptionPolicy="Never"))

    def test_an_update_need_not_repeat_it(self, world: World) -> None:
        made = world.create(pod())
        again = world.update(changed(made, spec__priority=None, spec__preemptionPolicy=""))
        assert (again.spec.priority, again.spec.preemptionPolicy) == (0, "PreemptLowerPriority")


class TestNodes:
    def test_a_new_one_is_not_ready(self, world: World) -> None:
        made = world.create(core_v1.Node(metadata=meta("n", "")))
        assert [(one.key, one.effect) for one in made.spec.taints] == [("node.kubernetes.io/not-ready", "NoSchedule")]

    def test_the_taint_is_not_doubled(self, world: World) -> None:
        taint = core_v1.Taint(key="node.kubernetes.io/not-ready", effect="NoSchedule")
        made = world.create(core_v1.Node(metadata=meta("n", ""), spec=core_v1.NodeSpec(taints=(taint,))))
        assert len(made.spec.taints) == 1

    def test_only_then(self, world: World) -> None:
        made = world.create(core_v1.Node(metadata=meta("n", "")))
        assert world.update(changed(made, spec__taints=())).spec.taints == ()


class TestRuntimeClass:
    def test_unknown(self, world: World) -> None:
        with pytest.raises(errors.Forbidden, match='pod rejected: RuntimeClass "x" not found'):
            world.create(pod(runtimeClassName="x"))

    def test_overhead_and_scheduling(self, world: World) -> None:
        toleration = core_v1.Toleration(key="k", operator="Exists")
        world.create(
            node_v1.RuntimeClass(
                metadata=meta("x", ""),
                handler="h",
                overhead=node_v1.Overhead(podFixed={"cpu": Quantity("100m")}),
                scheduling=node_v1.Scheduling(nodeSelector={"a": "b"}, tolerations=(toleration,)),
            )
        )
        made = world.create(pod(runtimeClassName="x", nodeSelector={"c": "d"}))
        assert made.spec.overhead == {"cpu": "100m"}
        assert made.spec.nodeSelector == {"a": "b", "c": "d"}
        assert toleration in made.spec.tolerations
        with pytest.raises(errors.Forbidden, match=r"conflict: runtimeClass.scheduling.nodeSelector\[a\] = b"):
            world.create(pod("two", runtimeClassName="x", nodeSelector={"a": "x"}))
        with pytest.raises(errors.Forbidden, match="Pod's Overhead doesn't match RuntimeClass's defined Overhead"):
            world.create(pod("two", runtimeClassName="x", overhead={"cpu": Quantity("1")}))


class TestChain:
    def test_plugins_may_be_awaited(self, world: World) -> None:
        class Slow(Base):
            resources = ("configmaps",)

            def admit(self, attributes: Attributes) -> Any:
                async def later() -> None:
                    await world.clock.sleep(1)
                    attributes.obj.data = {"added": "later"}

                return later()

        class No(Base):
            resources = ("configmaps",)
            operations = ("DELETE",)

            def validate(self, attributes: Attributes) -> None:
                raise errors.Forbidden("configmaps", attributes.name, "no")

        world.core.admission = Chain((Slow(), No()))
        assert world.create(config_map("a")).data == {"added": "later"}
        with pytest.raises(errors.Forbidden):
            world.delete(core_v1.ConfigMap, "a")

    def test_a_status_is_not_a_pods_business(self, world: World) -> None:
        """Plugins for the object itself leave its parts alone."""
        made = world.create(pod())
        bare = changed(made, status__phase="Running")
        assert world.update(bare, "status").metadata.annotations == {}
        assert isinstance(made.metadata, meta_v1.ObjectMeta)
