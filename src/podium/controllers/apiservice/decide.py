"""Whether the API server behind an APIService can be there at all: its Service, the Service's port, somebody behind it.

The reasons and texts are those of Kubernetes' aggregator. What passes here is then asked for its resources.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from podium.models.apiregistration_v1 import APIService, APIServiceCondition, ServiceReference
from podium.models.core_v1 import Service
from podium.models.discovery_v1 import Endpoint, EndpointSlice

AVAILABLE = "Available"
PASSED = APIServiceCondition(type=AVAILABLE, status="True", reason="Passed", message="all checks passed")
LOCAL = APIServiceCondition(
    type=AVAILABLE, status="True", reason="Local", message="Local APIServices are always available"
)
_Reason = Literal[
    "EndpointsNotFound", "FailedDiscoveryCheck", "MissingEndpoints", "ServiceNotFound", "ServicePortError"
]


def before_asking(
    wanted: APIService, service: Service | None, slices: Sequence[EndpointSlice]
) -> APIServiceCondition | None:
    """What can be said without asking it; None if it has to be asked."""
    reference = wanted.spec.service
    if reference is None:
        return LOCAL
    name = f'service/{reference.name} in "{reference.namespace}"'
    if service is None:
        return unavailable("ServiceNotFound", f"{name} is not present")
    if service.spec.type != "ClusterIP":
        return None  # whatever it leads to, it needn't be Pods
    port = next((one for one in service.spec.ports if one.port == reference.port), None)
    if port is None:
        return unavailable("ServicePortError", f"{name} is not listening on port {reference.port}")
    if not slices:
        return unavailable("EndpointsNotFound", f"cannot find endpointslices for {name}")
    if not any(_leads_somewhere(one, port.name) for one in slices):
        why = f'endpointslices for {name} have no addresses with port name "{port.name}"'
        return unavailable("MissingEndpoints", why)
    return None


def after_asking(problem: str) -> APIServiceCondition:
    return unavailable("FailedDiscoveryCheck", problem) if problem else PASSED


def unavailable(reason: _Reason, message: str) -> APIServiceCondition:
    return APIServiceCondition(type=AVAILABLE, status="False", reason=reason, message=message)


def key_of(reference: ServiceReference) -> str:
    """The Service, as an index has it."""
    return f"{reference.namespace}/{reference.name}"


def _leads_somewhere(one: EndpointSlice, port: str) -> bool:
    named = any((each.name or "") == port and each.port is not None for each in one.ports)
    return named and any(_is_ready(endpoint) for endpoint in one.endpoints)


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions is None or endpoint.conditions.ready is not False
