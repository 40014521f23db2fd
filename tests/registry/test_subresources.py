"""Scale, binding, eviction, tokens, ephemeral containers, resize, approval, and reading parts."""

from __future__ import annotations

from typing import Any

import pytest

from podium.machinery import errors
from podium.models import (
    apps_v1,
    authentication_v1,
    autoscaling_v1,
    certificates_v1,
    core_v1,
    meta_v1,
    policy_v1,
)
from podium.models.quantity import Quantity
from podium.registry.subresources.pods import quality
from podium.registry.types import Request
from tests.registry.test_update import deployment
from tests.registry.test_watching import binding
from tests.registry.world import World, changed, config_map, meta, pod

POD = core_v1.Pod
DEPLOYMENT = apps_v1.Deployment


class TestScale:
    def test_read(self, world: World) -> None:
        made = world.create(deployment(replicas=3))
        scale = world.get(DEPLOYMENT, "d", subresource="scale")
        assert isinstance(scale, autoscaling_v1.Scale)
        assert scale.spec.replicas == 3
        assert scale.status.selector == "app=web"
        assert scale.metadata.resourceVersion == made.metadata.resourceVersion

    def write(self, world: World, **fields: Any) -> Any:
        scale = changed(world.get(DEPLOYMENT, "d", subresource="scale"), **fields)
        res = world.row(DEPLOYMENT)
        return world.run(world.registry.update(Request(), res, "default", "d", scale, "scale")).object

    def test_written(self, world: World) -> None:
        world.create(deployment())
        answer = self.write(world, spec__replicas=7)
        assert (answer.kind, answer.spec.replicas) == ("Scale", 7)
        stored = world.get(DEPLOYMENT, "d")
        assert stored.spec.replicas == 7
        assert stored.metadata.generation == 2

    def test_to_zero(self, world: World) -> None:
        world.create(deployment())
        self.write(world, spec__replicas=None)
        assert world.get(DEPLOYMENT, "d").spec.replicas == 0

    def test_conflict(self, world: World) -> None:
        world.create(deployment())
        with pytest.raises(errors.Conflict):
            self.write(world, metadata__resourceVersion="1")
        self.write(world, metadata__resourceVersion="", spec__replicas=2)

    def test_negative(self, world: World) -> None:
        world.create(deployment())
        with pytest.raises(errors.Invalid) as caught:
            self.write(world, spec__replicas=-1)
        assert caught.value.message == (
            'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0'
        )

    def test_of_what_cannot_be_scaled(self, world: World) -> None:
        world.create(config_map("a"))
        with pytest.raises(errors.PathNotFound):
            world.get(core_v1.ConfigMap, "a", subresource="scale")


class TestBinding:
    def test_gives_the_pod_its_node(self, world: World) -> None:
        world.create(pod("a"))
        answer = world.act(POD, "a", "binding", binding("n1"))
        assert (answer.status, answer.code) == ("Success", 201)
        bound = world.get(POD, "a")
        assert bound.spec.nodeName == "n1"
        scheduled = next(one for one in bound.status.conditions if one.type == "PodScheduled")
        assert scheduled.status == "True"
        assert scheduled.lastTransitionTime == world.clock.now().replace(microsecond=0)

    def test_only_once(self, world: World) -> None:
        world.create(pod("a"))
        world.act(POD, "a", "binding", binding("n1"))
        with pytest.raises(errors.Conflict) as caught:
            world.act(POD, "a", "binding", binding("n2"))
        assert caught.value.message == (
            'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"'
        )

    def test_of_two_schedulers_one_wins(self, world: World) -> None:
        world.create(pod("a"))

        outcomes = world.together(*(world.do_act(POD, "a", "binding", binding(f"n{n}")) for n in range(2)))
        assert sum(isinstance(outcome, errors.Conflict) for outcome in outcomes) == 1
        assert world.get(POD, "a").spec.nodeName == "n0"

    def test_not_of_a_pod_that_ends_or_is_gated(self, world: World) -> None:
        ending = pod("a")
        ending.metadata.finalizers = ("example.com/hold",)
        world.create(ending)
        world.delete(POD, "a")
        with pytest.raises(errors.Conflict, match="pod a is being deleted, cannot be assigned to a host"):
            world.act(POD, "a", "binding", binding("n1"))
        world.create(pod("b", schedulingGates=(core_v1.PodSchedulingGate(name="example.com/gate"),)))
        with pytest.raises(errors.Conflict, match=r"pod b has non-empty .spec.schedulingGates"):
            world.act(POD, "b", "binding", binding("n1"))

    @pytest.mark.parametrize(
        ("target", "message"),
        [
            (core_v1.ObjectReference(kind="Node"), "target.name: Required value"),
            (core_v1.ObjectReference(kind="Pod", name="x"), 'target.kind: Unsupported value: "Pod"'),
        ],
    )
    def test_validated(self, world: World, target: core_v1.ObjectReference, message: str) -> None:
        world.create(pod("a"))
        with pytest.raises(errors.Invalid, match=message):
            world.act(POD, "a", "binding", core_v1.Binding(target=target))

    def test_for_one_pod_only(self, world: World) -> None:
        world.create(pod("a"))
        other = changed(binding("n1"), metadata=meta_v1.ObjectMeta(uid="x"))
        with pytest.raises(errors.Conflict, match="Precondition failed: UID in precondition: x"):
            world.act(POD, "a", "binding", other)
        with pytest.raises(errors.NotFound):
            world.act(POD, "b", "binding", binding("n1"))

    def test_annotations_and_topology_come_along(self, world: World) -> None:
        node = core_v1.Node(metadata=meta("n1", "", labels={"topology.kubernetes.io/zone": "z", "x": "y"}))
        world.create(node)
        made = pod("a")
        made.metadata.annotations = {"b": "1"}
        world.create(made)
        world.act(POD, "a", "binding", changed(binding("n1"), metadata=meta_v1.ObjectMeta(annotations={"c": "2"})))
        bound = world.get(POD, "a")
        assert bound.metadata.annotations == {"b": "1", "c": "2"}
        assert bound.metadata.labels == {"topology.kubernetes.io/zone": "z"}

    def test_what_it_was_is_untouched(self, world: World) -> None:
        made = world.create(pod("a"))
        world.act(POD, "a", "binding", binding("n1"))
        assert made.spec.nodeName == ""
        assert not any(one.status == "True" for one in made.status.conditions)


def budget(**status: Any) -> policy_v1.PodDisruptionBudget:
    selector = meta_v1.LabelSelector(matchLabels={"app": "web"})
    fields = {"desiredHealthy": 1, "currentHealthy": 1, "observedGeneration": 1, "disruptionsAllowed": 0, **status}
    return policy_v1.PodDisruptionBudget(
        metadata=meta("budget"),
        spec=policy_v1.PodDisruptionBudgetSpec(selector=selector, minAvailable=1),
        status=policy_v1.PodDisruptionBudgetStatus(**fields),
    )


class TestEviction:
    def evict(self, world: World, name: str = "a", **options: Any) -> Any:
        delete_options = meta_v1.DeleteOptions(**options) if options else None
        eviction = policy_v1.Eviction(metadata=meta(name), deleteOptions=delete_options)
        return world.act(POD, name, "eviction", eviction)

    def running(self, world: World) -> None:
        made = pod("a", nodeName="n1")
        made.metadata.labels = {"app": "web"}
        made = world.create(made)
        ready = core_v1.PodCondition(type="Ready", status="True")
        world.update(changed(made, status__phase="Running", status__conditions=(ready,)), "status")

    def test_deletes(self, world: World) -> None:
        self.running(world)
        assert self.evict(world).status == "Success"
        assert world.get(POD, "a").metadata.deletionTimestamp is not None

    def test_names_agree(self, world: World) -> None:
        self.running(world)
        with pytest.raises(errors.BadRequest, match="name in URL does not match name in Eviction object"):
            world.act(POD, "a", "eviction", policy_v1.Eviction(metadata=meta("b")))

    def put_budget(self, world: World, **status: Any) -> None:
        sent = budget(**status)
        made = world.create(budget())
        world.update(changed(made, status=sent.status), "status")

    def test_a_budget_refuses(self, world: World) -> None:
        self.running(world)
        self.put_budget(world)
        with pytest.raises(errors.TooManyRequests) as caught:
            self.evict(world)
        status = caught.value.status()
        assert status.message == "Cannot evict pod as it would violate the pod's disruption budget."
        assert status.details is not None
        assert status.details.causes[0].reason == "DisruptionBudget"
        assert status.details.causes[0].message == (
            "The disruption budget budget needs 1 healthy pods and has 1 currently"
        )
        assert world.get(POD, "a").metadata.deletionTimestamp is None

    def test_a_budget_that_is_not_known_yet_refuses_for_now(self, world: World) -> None:
        self.running(world)
        self.put_budget(world, observedGeneration=0, disruptionsAllowed=1)
        with pytest.raises(errors.TooManyRequests) as caught:
            self.evict(world)
        assert caught.value.retry_after == 10

    def test_a_budget_is_spent(self, world: World) -> None:
        self.running(world)
        self.put_budget(world, disruptionsAllowed=1)
        self.evict(world)
        status = world.get(policy_v1.PodDisruptionBudget, "budget").status
        assert status.disruptionsAllowed == 0
        assert list(status.disruptedPods) == ["a"]
        assert world.get(POD, "a").metadata.deletionTimestamp is not None

    def test_a_pod_that_does_not_count_may_go(self, world: World) -> None:
        world.create(pod("a", nodeName="n1"))
        self.put_budget(world)
        self.evict(world)
        assert world.get(POD, "a").metadata.deletionTimestamp is not None

    def unready(self, world: World) -> None:
        made = pod("a", nodeName="n1")
        made.metadata.labels = {"app": "web"}
        world.update(changed(world.create(made), status__phase="Running"), "status")

    def test_a_pod_that_is_not_ready_may_go_while_enough_others_are(self, world: World) -> None:
        self.unready(world)
        self.put_budget(world)
        self.evict(world)
        assert world.get(POD, "a").metadata.deletionTimestamp is not None

    @pytest.mark.parametrize("status", [{"currentHealthy": 0}, {"desiredHealthy": 0}])
    def test_but_not_otherwise(self, world: World, status: dict[str, int]) -> None:
        self.unready(world)
        self.put_budget(world, **status)
        with pytest.raises(errors.TooManyRequests):
            self.evict(world)

    def test_preconditions_hold(self, world: World) -> None:
        self.running(world)
        with pytest.raises(errors.Conflict):
            self.evict(world, preconditions=meta_v1.Preconditions(resourceVersion="1"))
        with pytest.raises(errors.Conflict):
            self.evict(world, preconditions=meta_v1.Preconditions(uid="other"))
        assert not any(one.type == "DisruptionTarget" for one in world.get(POD, "a").status.conditions)

    def test_a_precondition_that_holds_is_not_broken_by_the_condition(self, world: World) -> None:
        self.running(world)
        meta_now = world.get(POD, "a").metadata
        required = meta_v1.Preconditions(resourceVersion=meta_now.resourceVersion, uid=meta_now.uid)
        self.evict(world, preconditions=required)
        left = world.get(POD, "a")
        assert left.metadata.deletionTimestamp is not None
        assert next(one for one in left.status.conditions if one.type == "DisruptionTarget").status == "True"

    def test_an_empty_selector_covers_all(self, world: World) -> None:
        self.running(world)
        made = budget()
        made.spec.selector = meta_v1.LabelSelector()
        made = world.create(made)
        world.update(changed(made, status=budget().status), "status")
        with pytest.raises(errors.TooManyRequests):
            self.evict(world)

    def test_dry_run(self, world: World) -> None:
        self.running(world)
        before = world.registry.revision
        self.evict(world, dryRun=("All",))
        assert world.registry.revision == before


class TestToken:
    def issue(self, world: World, **spec: Any) -> Any:
        asked = authentication_v1.TokenRequest(spec=authentication_v1.TokenRequestSpec(**spec))
        return world.act(core_v1.ServiceAccount, "default", "token", asked)

    @pytest.fixture(autouse=True)
    def issuer(self, world: World) -> None:
        def issue(account: Any, asked: Any, node: Any) -> Any:
            where = f" on {node.name} {node.uid}" if node is not None else ""
            status = authentication_v1.TokenRequestStatus(token=f"for {account.metadata.name}{where}")
            return changed(asked, status=status)

        world.core.token_issuer = issue

    def test_issued(self, world: World) -> None:
        answer = self.issue(world)
        assert answer.status.token == "for default"
        assert answer.spec.expirationSeconds == 3600
        assert (answer.metadata.name, answer.metadata.namespace) == ("default", "default")
        assert answer.metadata.uid == world.get(core_v1.ServiceAccount, "default").metadata.uid

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            (
                {"name": "other"},
                'TokenRequest.authentication.k8s.io "default" is invalid: metadata.name: Invalid value: "other": must '
                "match the service account name if specified",
            ),
            (
                {"name": "default", "namespace": "other"},
                'TokenRequest.authentication.k8s.io "default" is invalid: metadata.namespace: Invalid value: "other": '
                "must match the service account namespace if specified",
            ),
            (
                {"uid": "other"},
                'Operation cannot be fulfilled on TokenRequest.authentication.k8s.io "default": the UID in the token '
                "request (other) does not match the UID of the service account",
            ),
        ],
    )
    def test_for_nobody_else(self, world: World, given: dict[str, Any], message: str) -> None:
        asked = authentication_v1.TokenRequest(metadata=meta_v1.ObjectMeta(**given))
        with pytest.raises(errors.StatusError) as caught:
            world.act(core_v1.ServiceAccount, "default", "token", asked)
        assert caught.value.message.startswith(message)

    @pytest.mark.parametrize(
        ("seconds", "message"), [(5, "less than 10 minutes"), (2**33, "larger than 2\\^32 seconds")]
    )
    def test_how_long(self, world: World, seconds: int, message: str) -> None:
        with pytest.raises(errors.Invalid, match=message):
            self.issue(world, expirationSeconds=seconds)

    def test_bound_to_a_pod(self, world: World) -> None:
        made = world.create(pod("a"))
        reference = authentication_v1.BoundObjectReference(kind="Pod", apiVersion="v1", name="a")
        assert self.issue(world, boundObjectRef=reference).spec.boundObjectRef.uid == made.metadata.uid
        with pytest.raises(errors.NotFound):
            self.issue(world, boundObjectRef=changed(reference, name="b"))
        with pytest.raises(errors.Conflict, match=r"on Pod .* does not match the UID in record"):
            self.issue(world, boundObjectRef=changed(reference, uid="x"))
        with pytest.raises(errors.BadRequest, match="cannot bind token to object of type"):
            self.issue(world, boundObjectRef=changed(reference, kind="Service"))

    def test_a_token_of_a_pod_says_where_that_is(self, world: World) -> None:
        node = world.create(core_v1.Node(metadata=meta("n1", namespace="")))
        world.create(pod("a", nodeName="n1"))
        reference = authentication_v1.BoundObjectReference(kind="Pod", apiVersion="v1", name="a")
        answer = self.issue(world, boundObjectRef=reference)
        assert answer.status.token == f"for default on n1 {node.metadata.uid}"

    def test_bound_to_a_pod_of_another_account(self, world: World) -> None:
        world.create(core_v1.ServiceAccount(metadata=meta("sa")))
        world.create(pod("a", serviceAccountName="sa"))
        reference = authentication_v1.BoundObjectReference(kind="Pod", apiVersion="v1", name="a")
        with pytest.raises(errors.BadRequest, match="pod running with different serviceaccount name"):
            self.issue(world, boundObjectRef=reference)


class TestEphemeralContainers:
    def add(self, world: World, *containers: core_v1.EphemeralContainer, **fields: Any) -> Any:
        new = changed(world.get(POD, "a"), spec__ephemeralContainers=containers, **fields)
        return world.update(new, "ephemeralcontainers")

    def test_added(self, world: World) -> None:
        world.create(pod("a"))
        new = self.add(world, core_v1.EphemeralContainer(name="debug", image="i"), spec__nodeName="x")
        assert [one.name for one in new.spec.ephemeralContainers] == ["debug"]
        assert new.spec.nodeName == ""

    def test_never_removed_or_changed(self, world: World) -> None:
        world.create(pod("a"))
        self.add(world, core_v1.EphemeralContainer(name="debug", image="i"))
        with pytest.raises(errors.Invalid, match='existing ephemeral containers "debug" may not be removed'):
            self.add(world)
        with pytest.raises(errors.Invalid, match='existing ephemeral containers "debug" may not be changed'):
            self.add(world, core_v1.EphemeralContainer(name="debug", image="other"))

    def test_validated(self, world: World) -> None:
        world.create(pod("a"))
        with pytest.raises(errors.Invalid, match=r'spec.ephemeralContainers\[0\].name: Duplicate value: "main"'):
            self.add(world, core_v1.EphemeralContainer(name="main", image="i"))
        with pytest.raises(errors.Invalid, match=r"spec.ephemeralContainers\[0\].image: Required value"):
            self.add(world, core_v1.EphemeralContainer(name="debug"))

    @pytest.mark.parametrize(
        ("fields", "problem"),
        [
            ({"targetContainerName": "none"}, 'targetContainerName: Not found: "none"'),
            ({"ports": (core_v1.ContainerPort(containerPort=80),)}, "ports: Forbidden: cannot be set for an Ephemeral"),
            ({"env": (core_v1.EnvVar(name="a="),)}, r'env\[0\].name: Invalid value: "a="'),
            (
                {"volumeMounts": (core_v1.VolumeMount(name="v", mountPath="/v"),)},
                r'volumeMounts\[0\].name: Not found: "v"',
            ),
        ],
    )
    def test_validated_as_containers(self, world: World, fields: dict[str, Any], problem: str) -> None:
        world.create(pod("a"))
        with pytest.raises(errors.Invalid, match=rf"spec.ephemeralContainers\[0\].{problem}"):
            self.add(world, core_v1.EphemeralContainer(name="debug", image="i", **fields))


class TestResize:
    def resources(self, cpu: str) -> core_v1.ResourceRequirements:
        amount = {"cpu": Quantity(cpu)}
        return core_v1.ResourceRequirements(requests=amount)

    def resize(self, world: World, resources: core_v1.ResourceRequirements, **fields: Any) -> Any:
        new = changed(world.get(POD, "a"), **fields)
        new.spec.containers[0].resources = resources
        return world.update(new, "resize")

    def test_resources_only(self, world: World) -> None:
        made = pod("a")
        made.spec.containers[0].resources = self.resources("100m")
        world.create(made)
        new = self.resize(world, self.resources("200m"), spec__nodeName="x")
        assert new.spec.containers[0].resources.requests["cpu"] == "200m"
        assert new.spec.nodeName == ""

    def test_the_quality_of_service_stays(self, world: World) -> None:
        world.create(pod("a"))
        with pytest.raises(errors.Invalid, match="Pod QOS Class may not change as a result of resizing"):
            self.resize(world, self.resources("200m"))

    QUALITIES: tuple[tuple[dict[str, str], dict[str, str], str], ...] = (
        ({}, {}, "BestEffort"),
        ({"cpu": "1"}, {}, "Burstable"),
        ({}, {"cpu": "1"}, "Burstable"),
        ({}, {"cpu": "1", "memory": "1Gi"}, "Guaranteed"),
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"}, "Guaranteed"),
        ({"cpu": "500m"}, {"cpu": "1", "memory": "1Gi"}, "Burstable"),
    )

    @pytest.mark.parametrize(("requests", "limits", "expected"), QUALITIES)
    def test_quality(self, requests: dict[str, str], limits: dict[str, str], expected: str) -> None:
        made = pod()
        made.spec.containers[0].resources = core_v1.ResourceRequirements(
            requests={name: Quantity(value) for name, value in requests.items()},
            limits={name: Quantity(value) for name, value in limits.items()},
        )
        assert quality(made.spec) == expected


class TestApproval:
    def test_conditions_only(self, world: World) -> None:
        spec = certificates_v1.CertificateSigningRequestSpec(
            request=b"-----BEGIN CERTIFICATE REQUEST-----", signerName="example.com/s", usages=("client auth",)
        )
        made = world.create(certificates_v1.CertificateSigningRequest(metadata=meta("c", ""), spec=spec))
        approved = certificates_v1.CertificateSigningRequestCondition(type="Approved", status="True")
        new = world.update(
            changed(made, status__conditions=(approved,), status__certificate=b"c", spec__signerName="other/s"),
            "approval",
        )
        now = world.clock.now().replace(microsecond=0)
        assert new.status.conditions == (changed(approved, lastUpdateTime=now, lastTransitionTime=now),)
        assert not new.status.certificate
        assert new.spec.signerName == "example.com/s"
        with pytest.raises(errors.Invalid, match="updates may not remove a condition of type"):
            world.update(changed(new, status__conditions=()), "approval")
        world.run(world.clock.sleep(60))
        again = world.update(changed(new, status__conditions=(changed(approved, message="again"),)), "approval")
        later = world.clock.now().replace(microsecond=0)
        assert again.status.conditions[0].lastUpdateTime == later
        assert again.status.conditions[0].lastTransitionTime == now
        new = again
        denied = changed(approved, type="Denied")
        with pytest.raises(errors.Invalid, match="mutually exclusive"):
            world.update(changed(new, status__conditions=(approved, denied)), "approval")


def test_verbs_of_subresources(world: World) -> None:
    world.create(pod("a"))
    with pytest.raises(errors.MethodNotAllowed):
        world.get(POD, "a", subresource="binding")
    with pytest.raises(errors.PathNotFound):
        world.get(POD, "a", subresource="nothing")
