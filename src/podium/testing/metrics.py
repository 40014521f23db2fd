"""Metrics of applications as a test says them, for the autoscalers of a virtual cluster.

metrics = podium_cluster.serve_metrics()
metrics.pods["visits"] = 20                       # of each Pod; or {"web-0": 20, "web-1": 30}
metrics.objects["services/front", "hits"] = 300   # of an object; "namespaces/default" for a namespace
metrics.external["queue-length"] = 12

Amounts are numbers or quantities ("1500m"). The cluster's own autoscalers see them, in every namespace; nobody listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podium.clock import Clock
from podium.machinery import errors
from podium.machinery.selectors import parse_labels
from podium.models import codec
from podium.models.apiregistration_v1 import APIService, APIServiceSpec, ServiceReference
from podium.models.core_v1 import Service, ServiceSpec
from podium.models.meta_v1 import ObjectMeta
from podium.registry.registry import Registry
from podium.registry.types import User

CUSTOM = ("custom.metrics.k8s.io", "v1beta2")
EXTERNAL = ("external.metrics.k8s.io", "v1beta1")
_NAMESPACE, _NAME = "kube-system", "test-metrics"

Amount = int | float | str


class ServedMetrics:
    """Made by `VirtualCluster.serve_metrics()`. Is a registry.aggregation.Extensions."""

    def __init__(self, registry: Registry, clock: Clock) -> None:
        self.pods: dict[str, Amount | Mapping[str, Amount]] = {}
        self.objects: dict[tuple[str, str], Amount] = {}
        self.external: dict[str, Amount] = {}
        self._registry = registry
        self._clock = clock

    async def probe(self, service: APIService) -> str:
        return ""

    async def get(self, service: APIService, user: User, path: str, query: Mapping[str, str]) -> bytes:
        _, _, group, _, _, namespace, *what = path.split("/")
        match what:
            case [metric] if group == EXTERNAL[0] and metric in self.external:
                items = [{"metricName": metric, "metricLabels": {}, **self._value(self.external[metric])}]
            case ["pods", "*", metric] if metric in self.pods:
                items = self._of_pods(namespace, metric, query.get("labelSelector", ""))
            case ["metrics", metric] if (f"namespaces/{namespace}", metric) in self.objects:
                items = [self._value(self.objects[f"namespaces/{namespace}", metric])]
            case [resource, name, metric] if (f"{resource}/{name}", metric) in self.objects:
                items = [self._value(self.objects[f"{resource}/{name}", metric])]
            case _:
                raise errors.NotFound(f"metrics.{group}", what[-1])
        return codec.encode({"items": items})

    def _of_pods(self, namespace: str, metric: str, selector: str) -> list[dict[str, Any]]:
        wanted, said = parse_labels(selector), self.pods[metric]
        items = []
        for entry in self._registry.live("pods").namespace(namespace).values():
            pod = entry.object
            name = pod.metadata.name
            amount = said.get(name) if isinstance(said, Mapping) else said
            if amount is not None and pod.status.phase == "Running" and wanted.matches(pod.metadata.labels):
                items.append({"describedObject": {"kind": "Pod", "name": name}, **self._value(amount)})
        return items

    def _value(self, amount: Amount) -> dict[str, Any]:
        return {"timestamp": codec.to_tree(self._clock.now().replace(microsecond=0)), "value": str(amount)}


def registrations() -> tuple[Service | APIService, ...]:
    """What leads to them: a Service of somewhere else, so that no Pod has to be there."""
    meta = ObjectMeta(name=_NAME, namespace=_NAMESPACE)
    service = Service(metadata=meta, spec=ServiceSpec(type="ExternalName", externalName="metrics.test"))
    return (service, *(_api_service(group, version) for group, version in (CUSTOM, EXTERNAL)))


def _api_service(group: str, version: str) -> APIService:
    return APIService(
        metadata=ObjectMeta(name=f"{version}.{group}"),
        spec=APIServiceSpec(
            group=group,
            version=version,
            groupPriorityMinimum=100,
            versionPriority=100,
            service=ServiceReference(namespace=_NAMESPACE, name=_NAME, port=443),
        ),
    )
