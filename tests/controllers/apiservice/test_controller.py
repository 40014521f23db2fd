"""APIServices in a whole cluster: what is behind them comes and goes, and answers or doesn't."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from podium.models.apiregistration_v1 import APIService
from podium.models.core_v1 import Pod
from podium.registry.types import User
from podium.testing.virtual import VirtualCluster

Clusters = Callable[..., VirtualCluster]

REGISTRATION = """
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.flavors.example.com}
spec:
  group: flavors.example.com
  version: v1
  groupPriorityMinimum: 1000
  versionPriority: 15
  insecureSkipTLSVerify: true
  service: {namespace: default, name: flavors}
"""
SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: flavors}
spec:
  selector: {app: flavors}
  ports: [{name: https, port: 443, targetPort: 8443}]
"""
POD = """
apiVersion: v1
kind: Pod
metadata: {name: flavors, labels: {app: flavors}}
spec: {containers: [{name: flavors, image: flavors}]}
"""


class Answers:
    """registry.aggregation.Extensions that answers as it is told."""

    def __init__(self) -> None:
        self.problem = ""
        self.probed = 0

    async def get(self, service: APIService, user: User, path: str, query: Mapping[str, str]) -> bytes:
        raise AssertionError("nobody asks for anything here")

    async def probe(self, service: APIService) -> str:
        self.probed += 1
        return self.problem


def available(cluster: VirtualCluster, name: str = "v1.flavors.example.com") -> tuple[str, str]:
    (condition,) = cluster.get(APIService, name, "").status.conditions
    return condition.status, condition.reason


def test_it_is_followed(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    answers = cluster.cluster.registry.extensions = Answers()
    cluster.apply(REGISTRATION)
    cluster.settle()
    assert available(cluster) == ("False", "ServiceNotFound")
    cluster.apply(SERVICE)
    cluster.wait(APIService, "v1.flavors.example.com", is_missing_endpoints, namespace="")
    assert answers.probed == 0
    cluster.apply(POD)
    found = cluster.wait(APIService, "v1.flavors.example.com", is_available, namespace="")
    since = found.status.conditions[0].lastTransitionTime
    answers.problem = "bad status"
    cluster.advance(31)
    found = cluster.get(APIService, "v1.flavors.example.com", "")
    assert available(cluster) == ("False", "FailedDiscoveryCheck")
    assert found.status.conditions[0].message == "bad status"
    assert found.status.conditions[0].lastTransitionTime != since
    answers.problem = ""
    cluster.advance(31)
    assert available(cluster) == ("True", "Passed")
    cluster.delete(Pod, "flavors")
    cluster.wait(APIService, "v1.flavors.example.com", is_missing_endpoints, namespace="")


def is_available(service: APIService) -> bool:
    return any(one.status == "True" for one in service.status.conditions)


def is_missing_endpoints(service: APIService) -> bool:
    return any(one.reason == "MissingEndpoints" for one in service.status.conditions)


def test_who_answers_is_asked_every_half_minute_and_nothing_is_written(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    answers = cluster.cluster.registry.extensions = Answers()
    for text in (REGISTRATION, SERVICE, POD):
        cluster.apply(text)
    cluster.wait(APIService, "v1.flavors.example.com", is_available, namespace="")
    cluster.advance(60)
    before, revision = answers.probed, cluster.store.revision
    cluster.advance(300)
    assert answers.probed - before == 10
    assert cluster.store.revision == revision


def test_who_does_not_answer_is_asked_more_often_but_not_for_ever(podium_clusters: Clusters) -> None:
    """However much what went wrong varies: a new status is no reason to ask again."""

    class Varies(Answers):
        async def probe(self, service: APIService) -> str:
            await super().probe(service)
            return f"failure {self.probed}"

    cluster = podium_clusters()
    answers = cluster.cluster.registry.extensions = Varies()
    for text in (REGISTRATION, SERVICE, POD):
        cluster.apply(text)
    cluster.advance(120)
    before = answers.probed
    assert before < 30
    cluster.advance(300)
    assert answers.probed - before == 10


def test_what_becomes_local_is_available(podium_clusters: Clusters) -> None:
    cluster = podium_clusters()
    cluster.apply(REGISTRATION)
    cluster.settle()
    assert available(cluster) == ("False", "ServiceNotFound")
    text = REGISTRATION.replace("  service: {namespace: default, name: flavors}\n", "")
    cluster.apply(text.replace("insecureSkipTLSVerify: true", "insecureSkipTLSVerify: false"))
    cluster.settle()
    assert available(cluster) == ("True", "Local")
    assert available(cluster, "v1.apps") == ("True", "Local")
