"""The variables of containers."""

from __future__ import annotations

from typing import Any

import pytest

from podium.agent.environment import ConfigError, PodFacts, References, container_environment, expand, field_value
from podium.models import codec
from podium.models.core_v1 import ConfigMap, ObjectFieldSelector, Secret, Service

from .build import pod

FACTS = PodFacts("10.244.0.9", "10.244.0.1", {"cpu": "2", "memory": "1Gi"})
MAP = ConfigMap(data={"mode": "fast", "level": "3"})
SECRET = Secret(data={"password": b"s3cret"})


def variables(container: dict[str, Any], spec: dict[str, Any] | None = None, **refs: Any) -> dict[str, str]:
    found = {"config_maps": {"cfg": MAP}, "secrets": {"sec": SECRET}, "services": (), **refs}
    of = pod({"containers": [{"name": "c", "image": "i", **container}], **(spec or {})}, labels={"app": "web"})
    return container_environment(of, of.spec.containers[0], References(**found), FACTS)


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)-$(B)", "1-2"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$A", "$A"),
        ("100%", "100%"),
        ("$(A", "$(A"),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert expand(text, {"A": "1", "B": "2"}) == expanded


def test_variables_refer_to_earlier_ones() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2"}, {"name": "C", "value": "$(D)"}]
    assert variables({"env": env}) == {"A": "1", "B": "12", "C": "$(D)"}


def test_config_maps_and_secrets() -> None:
    container = {
        "envFrom": [{"prefix": "X_", "configMapRef": {"name": "cfg"}}],
        "env": [
            {"name": "P", "valueFrom": {"secretKeyRef": {"name": "sec", "key": "password"}}},
            {"name": "O", "valueFrom": {"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}},
        ],
    }
    assert variables(container) == {"X_mode": "fast", "X_level": "3", "P": "s3cret"}


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"configMapKeyRef": {"name": "gone", "key": "k"}}, 'configmap "gone" not found'),
        ({"configMapKeyRef": {"name": "cfg", "key": "k"}}, "couldn't find key k in ConfigMap default/cfg"),
        ({"secretKeyRef": {"name": "gone", "key": "k"}}, 'secret "gone" not found'),
        ({"secretKeyRef": {"name": "sec", "key": "k"}}, "couldn't find key k in Secret default/sec"),
    ],
)
def test_what_is_not_there_is_named(env: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        variables({"env": [{"name": "A", "valueFrom": env}]})
    assert str(caught.value) == message
    assert caught.value.reason == "CreateContainerConfigError"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "web"),
        ("metadata.labels['app']", "web"),
        ("status.podIP", "10.244.0.9"),
        ("status.hostIP", "10.244.0.1"),
        ("metadata.uid", "u1"),
    ],
)
def test_fields(path: str, value: str) -> None:
    assert variables({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]}) == {"A": value}


@pytest.mark.parametrize(
    ("resource", "divisor", "value"),
    [
        ("limits.cpu", "1m", "250"),
        ("limits.cpu", "", "1"),
        ("requests.memory", "1Mi", "64"),
        ("limits.memory", "1Mi", "1024"),
    ],
)
def test_resources(resource: str, divisor: str, value: str) -> None:
    reference = {"resource": resource, **({"divisor": divisor} if divisor else {})}
    resources = {"limits": {"cpu": "250m"}, "requests": {"memory": "64Mi"}}
    env = [{"name": "A", "valueFrom": {"resourceFieldRef": reference}}]
    assert variables({"env": env, "resources": resources}) == {"A": value}


def service(name: str, namespace: str, address: str) -> Service:
    ports = [{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    tree = {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": address, "ports": ports}}
    return codec.from_tree(tree, Service)


def test_services() -> None:
    services = (service("my-db", "default", "10.0.0.5"), service("headless", "default", "None"))
    found = variables({}, services=services)
    assert found["MY_DB_SERVICE_HOST"] == "10.0.0.5"
    assert found["MY_DB_SERVICE_PORT"] == found["MY_DB_SERVICE_PORT_HTTP"] == "80"
    assert found["MY_DB_PORT"] == "tcp://10.0.0.5:80"
    assert found["MY_DB_PORT_53_UDP"] == "udp://10.0.0.5:53"
    assert not any(name.startswith("HEADLESS") for name in found)


def test_a_pod_without_service_links_still_knows_the_api() -> None:
    services = (service("db", "default", "10.0.0.5"), service("kubernetes", "default", "10.0.0.1"))
    found = variables({}, {"enableServiceLinks": False}, services=services)
    assert found["KUBERNETES_SERVICE_HOST"] == "10.0.0.1"
    assert "DB_SERVICE_HOST" not in found


def test_annotations_are_quoted_as_go_does() -> None:
    of = pod(labels={"app": "web"}, annotations={"a": 'tab\t "quoted" \\ line\nü\x1b\u200b'})
    source = ObjectFieldSelector(fieldPath="metadata.annotations")
    assert field_value(of, source, FACTS) == r'a="tab\t \"quoted\" \\ line\nü\x1b\u200b"'
