"""The three controllers of endpoints, on a cluster of simulated Pods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from podium.machinery.errors import NotFound
from podium.models import codec, core_v1
from podium.models.apps_v1 import Deployment
from podium.models.discovery_v1 import EndpointSlice
from podium.testing.virtual import VirtualCluster

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "nginx:1", ports: [{name: http, containerPort: 8080}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, labels: {team: a}}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def slices(cluster: VirtualCluster, name: str = "web") -> Sequence[EndpointSlice]:
    return cluster.list(EndpointSlice, label_selector=f"kubernetes.io/service-name={name}")


def addresses(cluster: VirtualCluster, name: str = "web") -> list[str]:
    """Those that are ready."""
    return sorted(
        address
        for one in slices(cluster, name)
        for endpoint in one.endpoints
        for address in endpoint.addresses
        if endpoint.conditions is None or endpoint.conditions.ready is not False
    )


def in_endpoints(cluster: VirtualCluster, name: str = "web") -> list[str]:
    try:
        found = cluster.get(core_v1.Endpoints, name)
    except NotFound:
        return []
    return sorted(address.ip for one in found.subsets for address in one.addresses)


def running(cluster: VirtualCluster) -> list[str]:
    return sorted(pod.status.podIP for pod in cluster.list(core_v1.Pod) if not pod.metadata.deletionTimestamp)


def revisions(cluster: VirtualCluster) -> list[str]:
    """Of all that the controllers wrote."""
    made = cluster.get(core_v1.Endpoints, "web").metadata.resourceVersion
    return [made, *(one.metadata.resourceVersion for one in slices(cluster))]


def settled(cluster: VirtualCluster) -> None:
    cluster.advance(5)
    cluster.settle()


@pytest.fixture
def cluster(podium_clusters: Callable[..., VirtualCluster]) -> VirtualCluster:
    made = podium_clusters(nodes=2)
    made.apply(WEB)
    made.wait(Deployment, "web", lambda one: one.status.availableReplicas == 3)
    settled(made)
    return made


def test_a_service_leads_to_its_pods(cluster: VirtualCluster) -> None:
    assert len(running(cluster)) == 3
    assert addresses(cluster) == in_endpoints(cluster) == running(cluster)
    (one,) = slices(cluster)
    assert [(port.name, port.port, port.protocol) for port in one.ports] == [("", 8080, "TCP")]
    assert one.metadata.labels["team"] == "a"
    made = cluster.get(core_v1.Endpoints, "web")
    assert made.metadata.labels == {"team": "a", "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    assert [port.port for port in made.subsets[0].ports] == [8080]


def test_it_follows_a_scale_and_a_restart(cluster: VirtualCluster) -> None:
    cluster.run(cluster.client.patch(Deployment, "default", "web", {"spec": {"replicas": 5}}, "merge"))
    cluster.wait(Deployment, "web", lambda one: one.status.availableReplicas == 5)
    settled(cluster)
    assert addresses(cluster) == in_endpoints(cluster) == running(cluster)
    assert len(running(cluster)) == 5
    image = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}}}}
    before = running(cluster)
    cluster.run(cluster.client.patch(Deployment, "default", "web", image, "strategic"))
    cluster.wait(Deployment, "web", lambda one: one.status.updatedReplicas == 5 and one.status.replicas == 5)
    cluster.advance(60)
    assert addresses(cluster) == in_endpoints(cluster) == running(cluster)
    assert not set(before) & set(running(cluster))


def test_a_pod_that_loses_its_label_is_left_out(cluster: VirtualCluster) -> None:
    pod = cluster.list(core_v1.Pod)[0]
    cluster.run(
        cluster.client.patch(core_v1.Pod, "default", pod.metadata.name, {"metadata": {"labels": None}}, "merge")
    )
    settled(cluster)
    assert pod.status.podIP not in addresses(cluster)
    assert pod.status.podIP not in in_endpoints(cluster)
    assert len(addresses(cluster)) == 3  # its replacement


def test_another_selector_leads_elsewhere(cluster: VirtualCluster) -> None:
    selector = {"spec": {"selector": {"app": "other"}}}
    cluster.run(cluster.client.patch(core_v1.Service, "default", "web", selector, "merge"))
    settled(cluster)
    assert addresses(cluster) == in_endpoints(cluster) == []
    assert len(slices(cluster)) == 1


def test_what_somebody_deletes_comes_back(cluster: VirtualCluster) -> None:
    (one,) = slices(cluster)
    cluster.delete(EndpointSlice, one.metadata.name)
    cluster.delete(core_v1.Endpoints, "web")
    settled(cluster)
    assert addresses(cluster) == in_endpoints(cluster) == running(cluster)


def test_all_goes_with_the_service(cluster: VirtualCluster) -> None:
    cluster.delete(core_v1.Service, "web")
    cluster.advance(30)
    assert not slices(cluster)
    with pytest.raises(NotFound):
        cluster.get(core_v1.Endpoints, "web")


def test_nothing_is_written_while_nothing_changes(cluster: VirtualCluster) -> None:
    before = revisions(cluster)
    pod = cluster.list(core_v1.Pod)[0]
    note = {"metadata": {"annotations": {"note": "x"}}}
    cluster.run(cluster.client.patch(core_v1.Pod, "default", pod.metadata.name, note, "merge"))
    cluster.advance(3600)
    assert revisions(cluster) == before


def test_a_headless_service_is_labelled(cluster: VirtualCluster) -> None:
    cluster.apply(WEB.split("---")[1].replace("name: web,", "name: bare,").replace("spec:", "spec:\n  clusterIP: None"))
    settled(cluster)
    (one,) = slices(cluster, "bare")
    assert one.metadata.labels["service.kubernetes.io/headless"] == ""
    assert addresses(cluster, "bare") == running(cluster)
    made = cluster.get(core_v1.Endpoints, "bare")
    assert made.metadata.labels["service.kubernetes.io/headless"] == ""


MANUAL = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {ports: [{port: 5432}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: db, labels: {a: b}, annotations: {note: x}}
subsets:
- addresses: [{ip: 192.0.2.1}]
  notReadyAddresses: [{ip: 192.0.2.2}]
  ports: [{port: 5432}]
"""


def mirrored(cluster: VirtualCluster) -> dict[str, Any]:
    return {
        endpoint.addresses[0]: endpoint.conditions and endpoint.conditions.ready
        for one in slices(cluster, "db")
        for endpoint in one.endpoints
    }


def test_endpoints_of_a_service_without_selector_are_mirrored(podium_cluster: VirtualCluster) -> None:
    cluster = podium_cluster
    cluster.apply(MANUAL)
    settled(cluster)
    assert mirrored(cluster) == {"192.0.2.1": True, "192.0.2.2": False}
    (one,) = slices(cluster, "db")
    assert one.metadata.labels == {
        "a": "b",
        "kubernetes.io/service-name": "db",
        "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
    }
    assert one.metadata.annotations == {"note": "x"}
    assert one.metadata.ownerReferences[0].kind == "Endpoints"

    changed = codec.copy(cluster.get(core_v1.Endpoints, "db"))
    changed.subsets[0].addresses = (core_v1.EndpointAddress(ip="192.0.2.9"),)
    changed.subsets[0].notReadyAddresses = ()
    cluster.run(cluster.client.update(changed))
    settled(cluster)
    assert mirrored(cluster) == {"192.0.2.9": True}
    assert [each.metadata.name for each in slices(cluster, "db")] == [one.metadata.name]

    cluster.delete(core_v1.Endpoints, "db")
    settled(cluster)
    assert not slices(cluster, "db")


def test_unless_they_say_no(podium_cluster: VirtualCluster) -> None:
    cluster = podium_cluster
    cluster.apply(MANUAL.replace("a: b", 'endpointslice.kubernetes.io/skip-mirror: "true"'))
    settled(cluster)
    assert not slices(cluster, "db")


def test_a_selector_ends_the_mirroring(podium_cluster: VirtualCluster) -> None:
    cluster = podium_cluster
    cluster.apply(MANUAL)
    settled(cluster)
    cluster.run(cluster.client.patch(core_v1.Service, "default", "db", {"spec": {"selector": {"app": "db"}}}, "merge"))
    settled(cluster)
    assert mirrored(cluster) == {}
    (one,) = slices(cluster, "db")
    assert one.metadata.labels["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io"
