"""Secrets that hold the token of a ServiceAccount."""

from __future__ import annotations

from typing import Any

import pytest

from podium.models import core_v1
from podium.models.authentication_v1 import BoundObjectReference, TokenRequest
from podium.testing.virtual import VirtualCluster

SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: key, annotations: {kubernetes.io/service-account.name: NAME}}
type: kubernetes.io/service-account-token
"""


@pytest.fixture
def cluster(podium_cluster: VirtualCluster) -> VirtualCluster:
    """With an issuer, which clusters that aren't served have not."""

    def issue(account: Any, request: TokenRequest, _node: BoundObjectReference | None) -> TokenRequest:
        bound = request.spec.boundObjectRef
        assert bound is not None
        request.status.token = f"{account.metadata.name} {bound.uid} {request.spec.expirationSeconds}"
        return request

    podium_cluster.cluster.registry.core.token_issuer = issue
    podium_cluster.create(account("builder"))
    return podium_cluster


def account(name: str) -> core_v1.ServiceAccount:
    found = core_v1.ServiceAccount()
    found.metadata.name, found.metadata.namespace = name, "default"
    return found


def secrets(cluster: VirtualCluster) -> list[core_v1.Secret]:
    return list(cluster.list(core_v1.Secret))


def test_it_is_filled(cluster: VirtualCluster) -> None:
    cluster.apply(SECRET.replace("NAME", "builder"))
    cluster.advance(1)
    (secret,) = secrets(cluster)
    uid = cluster.get(core_v1.ServiceAccount, "builder").metadata.uid
    assert secret.metadata.annotations["kubernetes.io/service-account.uid"] == uid
    assert secret.data == {"namespace": b"default", "token": f"builder {secret.metadata.uid} {2**32}".encode()}


def test_it_goes_with_its_account(cluster: VirtualCluster) -> None:
    cluster.apply(SECRET.replace("NAME", "builder"))
    cluster.advance(1)
    cluster.delete(core_v1.ServiceAccount, "builder")
    cluster.advance(1)
    assert secrets(cluster) == []


def test_one_of_an_account_that_is_not_there_goes_at_once(cluster: VirtualCluster) -> None:
    cluster.apply(SECRET.replace("NAME", "nobody"))
    cluster.advance(1)
    assert secrets(cluster) == []


def test_other_secrets_are_left_alone(cluster: VirtualCluster) -> None:
    cluster.apply(SECRET.replace("NAME", "nobody").replace("type: kubernetes.io/service-account-token", ""))
    cluster.advance(1)
    (secret,) = secrets(cluster)
    assert secret.data == {}
