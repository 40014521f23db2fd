"""Where connections to Services lead, and what they are called."""

from __future__ import annotations

from typing import Any

from podium.agent.services import rules
from podium.agent.services.rules import Frontend
from podium.models import codec
from podium.models.core_v1 import Pod, Service
from podium.models.discovery_v1 import EndpointSlice


def service(name: str = "web", ip: str = "10.96.0.9", namespace: str = "default", **spec: Any) -> Service:
    ports: list[dict[str, Any]] = [
        {"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080},
        {"name": "dns", "port": 53},
    ]
    ports[1]["protocol"] = "UDP"
    tree = {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": ports, **spec}}
    return codec.from_tree(tree, Service)


def piece(*endpoints: dict[str, Any], name: str = "web", namespace: str = "default") -> EndpointSlice:
    labels = {"kubernetes.io/service-name": name}
    tree = {
        "metadata": {"name": f"{name}-1", "namespace": namespace, "labels": labels},
        "endpoints": endpoints,
        "ports": [{"name": "http", "port": 8080}],
    }
    return codec.from_tree(tree, EndpointSlice)


READY = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}}
STARTING = {"addresses": ["10.0.0.2"], "conditions": {"ready": False, "serving": False}}
ENDING = {"addresses": ["10.0.0.3"], "conditions": {"ready": False, "serving": True, "terminating": True}}


def test_a_service_leads_to_its_ready_endpoints() -> None:
    assert rules.service_frontends(service(), [piece(READY, STARTING, ENDING)]) == {
        Frontend("10.96.0.9", 80, on_machine=False): (("10.0.0.1", 8080),),
        Frontend("127.0.0.1", 30080, on_machine=True): (("10.0.0.1", 8080),),
    }


def test_ending_endpoints_serve_when_no_other_does() -> None:
    found = rules.service_frontends(service(), [piece(STARTING, ENDING)])
    assert set(found.values()) == {(("10.0.0.3", 8080),)}


def test_headless_and_external_services_are_not_listened_for() -> None:
    assert rules.service_frontends(service(ip="None"), [piece(READY)]) == {}
    assert rules.service_frontends(service(type="ExternalName"), [piece(READY)]) == {}


def test_host_ports() -> None:
    ports: list[dict[str, Any]] = [
        {"containerPort": 80, "hostPort": 8080},
        {"containerPort": 81},
        {"containerPort": 82, "hostPort": 83},
    ]
    ports[2]["protocol"] = "UDP"
    tree: dict[str, Any] = {"spec": {"containers": [{"name": "c", "ports": ports}]}, "status": {"podIP": "10.0.0.1"}}
    wanted = {Frontend("127.0.0.1", 8080, on_machine=True): (("10.0.0.1", 80),)}
    assert rules.host_port_frontends(codec.from_tree(tree, Pod)) == wanted
    for status in ({"podIP": "10.0.0.1", "phase": "Failed"}, {"phase": "Pending"}):
        assert rules.host_port_frontends(codec.from_tree({**tree, "status": status}, Pod)) == {}


def test_a_service_is_named_as_in_cluster_dns() -> None:
    full = ("web.default.svc.cluster.local", "web.default.svc", "web.default")
    assert rules.names("default", [service()], {}) == (("10.96.0.9", (*full, "web")),)
    assert rules.names("other", [service()], {}) == (("10.96.0.9", full),)


def test_members_behind_a_headless_service_are_named_too() -> None:
    member = {**READY, "hostname": "db-0"}
    slices = {("default", "db"): [piece(member, STARTING, name="db")]}
    [(address, names)] = rules.names("default", [service("db", "None")], slices)
    assert address == "10.0.0.1"
    assert set(names) == {
        *("db.default.svc.cluster.local", "db.default.svc", "db.default", "db"),
        *("db-0.db.default.svc.cluster.local", "db-0.db.default.svc", "db-0.db.default", "db-0.db"),
    }
