"""Services: a good one, and what makes it a bad one."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import codec

from .rules import as_is_errors, changed, created, defaulted, errors, strategy, thing, update_errors

SERVICE = thing("v1", "Service", spec={"selector": {"app": "a"}, "ports": [{"port": 80}]})


def test_a_good_one_passes_and_stays_good() -> None:
    assert as_is_errors(SERVICE) == []


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("spec.ports", [], ["spec.ports: Required value"]),
        (
            "spec.ports",
            [{"port": 80}, {"port": 80, "name": "b"}],
            ["spec.ports[0].name: Required value", 'spec.ports[1]: Duplicate value: {"port":80,"protocol":"TCP"}'],
        ),
        (
            "spec.ports.0.nodePort",
            30000,
            ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
        ),
        ("spec.type", "ExternalName", ["spec.externalName: Required value"]),
        (
            "spec.type",
            "Magic",
            [
                'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", '
                '"NodePort"'
            ],
        ),
        (
            "spec.externalIPs",
            ["127.0.0.1"],
            [
                'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range '
                "(127.0.0.0/8, ::1/128)",
            ],
        ),
    ],
)
def test_rejected(path: str, value: Any, expected: list[str]) -> None:
    assert errors(changed(SERVICE, path, value)) == expected


def test_may_not_change() -> None:
    given = changed(SERVICE, "spec.clusterIP", "10.0.0.1")
    assert update_errors(given, changed(given, "spec.clusterIP", "10.0.0.2")) == [
        'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'
    ]


def test_defaults() -> None:
    spec = defaulted(SERVICE).spec
    assert (spec.type, spec.sessionAffinity, spec.internalTrafficPolicy) == ("ClusterIP", "None", "Cluster")
    assert (spec.ports[0].protocol, spec.ports[0].targetPort, spec.externalTrafficPolicy) == ("TCP", 80, "")


def test_what_was_given_stays() -> None:
    old = created(changed(changed(SERVICE, "spec.type", "NodePort"), "spec.clusterIP", "10.0.0.1"))
    old.spec.ports[0].nodePort = 31000
    new = defaulted(changed(SERVICE, "spec.type", "NodePort"))
    strategy(SERVICE).prepare_update(new, old)
    assert (new.spec.clusterIP, new.spec.clusterIPs, new.spec.ports[0].nodePort) == (
        "10.0.0.1",
        ("10.0.0.1",),
        31000,
    )


def test_node_ports_go_with_the_type() -> None:
    old = created(changed(SERVICE, "spec.type", "NodePort"))
    old.spec.ports[0].nodePort = 31000
    new = codec.copy(old)
    new.spec.type = "ClusterIP"
    strategy(SERVICE).prepare_update(new, old)
    assert new.spec.ports[0].nodePort is None
    assert strategy(SERVICE).validate_update(new, old) == []


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("", []),  # cleared: it stays as it is
        ("10.0.0.2", ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set']),
    ],
)
def test_who_changes_only_the_cluster_ip_means_both_fields(wanted: str, expected: list[str]) -> None:
    old = created(changed(SERVICE, "spec.clusterIP", "10.0.0.1"))
    new = defaulted(changed(changed(SERVICE, "spec.clusterIP", wanted), "spec.clusterIPs", ["10.0.0.1"]))
    strategy(SERVICE).prepare_update(new, old)
    assert [str(error) for error in strategy(SERVICE).validate_update(new, old)] == expected
    assert new.spec.clusterIPs == (wanted or "10.0.0.1",)


def test_node_ports_stay_by_name() -> None:
    tree = changed(SERVICE, "spec.type", "NodePort")
    old = created(changed(tree, "spec.ports", [{"port": 80, "name": "a", "nodePort": 30001}]))
    ports = [{"port": 80, "name": "b"}, {"port": 8080, "name": "a"}]
    new = defaulted(changed(tree, "spec.ports", ports))
    strategy(SERVICE).prepare_update(new, old)
    assert [port.nodePort for port in new.spec.ports] == [None, 30001]
