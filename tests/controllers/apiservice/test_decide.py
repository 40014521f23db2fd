"""What can be said of an APIService before its server is asked."""

from __future__ import annotations

import pytest

from podium.controllers.apiservice import decide
from podium.models.apiregistration_v1 import APIService, APIServiceSpec, ServiceReference
from podium.models.core_v1 import Service, ServicePort, ServiceSpec
from podium.models.discovery_v1 import Endpoint, EndpointConditions, EndpointPort, EndpointSlice

LOCAL = APIService(spec=APIServiceSpec(group="apps", version="v1"))
REMOTE = APIService(
    spec=APIServiceSpec(group="x.io", version="v1", service=ServiceReference(namespace="ns", name="x", port=443))
)


def service(port: int = 443, name: str = "https", type_: str = "ClusterIP") -> Service:
    return Service(spec=ServiceSpec(type=type_, ports=(ServicePort(name=name, port=port),)))


def endpoints(ready: bool | None = True, port: int | None = 8443, name: str | None = "https") -> EndpointSlice:
    return EndpointSlice(
        endpoints=(Endpoint(addresses=("10.0.0.1",), conditions=EndpointConditions(ready=ready)),),
        ports=(EndpointPort(name=name, port=port),),
    )


NOWHERE = 'endpointslices for service/x in "ns" have no addresses with port name "https"'


@pytest.mark.parametrize(
    ("wanted", "found", "slices", "status", "reason", "message"),
    [
        (LOCAL, None, [], "True", "Local", "Local APIServices are always available"),
        (REMOTE, None, [], "False", "ServiceNotFound", 'service/x in "ns" is not present'),
        (REMOTE, service(80), [], "False", "ServicePortError", 'service/x in "ns" is not listening on port 443'),
        (REMOTE, service(), [], "False", "EndpointsNotFound", 'cannot find endpointslices for service/x in "ns"'),
        (REMOTE, service(), [EndpointSlice()], "False", "MissingEndpoints", NOWHERE),
        (REMOTE, service(), [endpoints(ready=False)], "False", "MissingEndpoints", NOWHERE),
        (REMOTE, service(), [endpoints(name="http")], "False", "MissingEndpoints", NOWHERE),
        (REMOTE, service(), [endpoints(port=None)], "False", "MissingEndpoints", NOWHERE),
    ],
)
def test_what_is_known(
    wanted: APIService, found: Service | None, slices: list[EndpointSlice], status: str, reason: str, message: str
) -> None:
    told = decide.before_asking(wanted, found, slices)
    assert told is not None
    assert (told.type, told.status, told.reason, told.message) == ("Available", status, reason, message)


@pytest.mark.parametrize(
    ("found", "slices"),
    [
        (service(), [endpoints()]),
        (service(), [endpoints(ready=None)]),
        (service(), [endpoints(ready=False), endpoints()]),
        (service(name=""), [endpoints(name=None)]),
        (service(name=""), [endpoints(name="")]),
        (service(80, type_="ExternalName"), []),
    ],
)
def test_who_has_to_be_asked(found: Service, slices: list[EndpointSlice]) -> None:
    assert decide.before_asking(REMOTE, found, slices) is None


def test_the_answer() -> None:
    failed = decide.after_asking("bad status from https://x: 500")
    assert (failed.status, failed.reason, failed.message) == (
        "False",
        "FailedDiscoveryCheck",
        "bad status from https://x: 500",
    )
    passed = decide.after_asking("")
    assert (passed.status, passed.reason, passed.message) == ("True", "Passed", "all checks passed")
