"""Where an API server behind a Service listens."""

from __future__ import annotations

import pytest

from podium.models.core_v1 import Service, ServicePort, ServiceSpec
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from podium.models.meta_v1 import ObjectMeta
from podium.server.aggregation.resolve import Target, Unresolved, found

SERVICE = Service(
    metadata=ObjectMeta(name="x"),
    spec=ServiceSpec(ports=(ServicePort(name="https", port=443), ServicePort(name="other", port=444))),
)


def piece(
    *addresses: str, ready: bool | None = True, port: str = "https", of: str = "x", kind: str = "IPv4"
) -> EndpointSlice:
    return EndpointSlice(
        addressType=kind,
        metadata=ObjectMeta(labels={"kubernetes.io/service-name": of}),
        endpoints=(Endpoint(addresses=addresses, conditions=EndpointConditions(ready=ready)),),
        ports=(EndpointPort(name=port, port=8443),),
    )


def test_endpoints() -> None:
    slices = [
        piece("10.0.0.1"),
        piece("10.0.0.2", ready=None),
        piece("10.0.0.3", ready=False),
        piece("10.0.0.4", port="other"),
        piece("10.0.0.5", of="y"),
        piece("localhost", kind="FQDN"),
    ]
    assert found(SERVICE, 443, slices) == [Target("10.0.0.1", 8443), Target("10.0.0.2", 8443)]


@pytest.mark.parametrize(
    ("port", "slices", "why"),
    [
        (443, [], 'no endpoints available for service "x"'),
        (443, [piece("10.0.0.1", ready=False)], 'no endpoints available for service "x"'),
        (80, [piece("10.0.0.1")], 'no service port 80 found for service "x"'),
    ],
)
def test_nowhere_to_go(port: int, slices: list[EndpointSlice], why: str) -> None:
    with pytest.raises(Unresolved, match=why):
        found(SERVICE, port, slices)


def test_a_name_outside() -> None:
    outside = Service(spec=ServiceSpec(type="ExternalName", externalName="api.example"))
    assert found(outside, 8443, []) == [Target("api.example", 8443)]


def test_addresses_in_urls() -> None:
    assert Target("10.0.0.1", 443).url == "https://10.0.0.1:443"
    assert Target("fd00::1", 443).url == "https://[fd00::1]:443"
