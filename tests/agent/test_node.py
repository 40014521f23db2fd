"""Node networks, addresses, statuses."""

from __future__ import annotations

import ipaddress
from datetime import timedelta

import pytest

from podium.agent.addresses import AddressPool
from podium.agent.node import NodeFacts, node_conditions, node_status, pod_cidr
from podium.models.core_v1 import Node
from podium.testing.virtual import virtual_cluster

from .build import NOW


def test_networks_of_nodes_do_not_overlap() -> None:
    assert pod_cidr(3, 110) == "10.244.3.0/24"
    networks = [ipaddress.IPv4Network(pod_cidr(index, 1000)) for index in range(2000)]
    whole = ipaddress.IPv4Network("10.0.0.0/8")
    assert all(network.num_addresses >= 1003 and network.subnet_of(whole) for network in networks)
    assert len({network.network_address for network in networks}) == 2000


def test_addresses_are_given_out_once() -> None:
    pool = AddressPool("10.244.1.0/29")
    assert pool.claim("10.244.1.3")
    assert not pool.claim("10.244.1.3")
    taken = [pool.take() for _ in range(4)]
    assert taken == ["10.244.1.2", "10.244.1.4", "10.244.1.5", "10.244.1.6"]
    with pytest.raises(LookupError):
        pool.take()
    pool.give_back("10.244.1.4")
    assert pool.take() == "10.244.1.4"


def test_an_address_is_not_reused_at_once() -> None:
    pool = AddressPool("10.244.1.0/24")
    first = pool.take()
    pool.give_back(first)
    assert pool.take() != first


def test_heartbeats_keep_transition_times() -> None:
    first = node_conditions(NOW)
    later = node_conditions(NOW + timedelta(minutes=5), first)
    assert [c.lastTransitionTime for c in later] == [NOW] * 4
    assert {c.type: c.status for c in later}["Ready"] == "True"
    assert later[0].lastHeartbeatTime == NOW + timedelta(minutes=5)


def test_status_tells_what_the_node_offers() -> None:
    found = node_status("n1", NodeFacts(cpu="4", memory="8Gi", pods=110, address="10.0.0.1"), NOW)
    assert found.capacity == found.allocatable
    assert (found.capacity["cpu"], found.capacity["pods"]) == ("4", "110")
    assert [(a.type, a.address) for a in found.addresses] == [("InternalIP", "10.0.0.1"), ("Hostname", "n1")]


def test_a_node_that_is_said_to_be_lost_says_otherwise_soon() -> None:
    """With the next renewal of its Lease, not just with the next heartbeat minutes later."""
    with virtual_cluster(lease_seconds=40) as cluster:

        def ready() -> str:
            return next(c.status for c in cluster.get(Node, "node-1").status.conditions if c.type == "Ready")

        cluster.advance(100)
        patch = {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}}
        cluster.run(cluster.client.patch(Node, "", "node-1", patch, "strategic", "status"))
        assert ready() == "Unknown"
        cluster.advance(12)
        assert ready() == "True"
        version = cluster.get(Node, "node-1").metadata.resourceVersion
        cluster.advance(60)
        assert cluster.get(Node, "node-1").metadata.resourceVersion == version
