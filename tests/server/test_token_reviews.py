"""What a TokenReview says: whose a token is, and in Kubernetes' words why it is of no use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest

from podium.clock import RealClock
from podium.server.authentication.tokens import ISSUER
from tests.server.harness import Harness, Serve
from tests.server.test_users import ACCOUNTS, token_of, whoami

REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
PODS = "/api/v1/namespaces/default/pods"
SECRETS = "/api/v1/namespaces/default/secrets"
NODES = "/api/v1/nodes"


class Ahead(RealClock):
    """The real time, and `by` more."""

    by = timedelta()

    def now(self) -> datetime:
        return super().now() + self.by


async def review(server: Harness, token: str, *audiences: str) -> Any:
    code, answer = await server.post(REVIEWS, {"spec": {"token": token, "audiences": list(audiences)}})
    assert code == 201, answer
    return answer["status"]


async def refused(server: Harness, token: str, *audiences: str) -> str:
    """Why; and nobody who shows such a token is told it."""
    status = await review(server, token, *audiences)
    assert status == {"error": status["error"], "user": {}}
    if not audiences:
        code, answer = await whoami(server, token)
        assert (code, answer["message"]) == (401, "Unauthorized")
    error: str = status["error"]
    return error


async def builder(server: Harness) -> str:
    """Its uid."""
    _, account = await server.post(ACCOUNTS, {"metadata": {"name": "builder"}})
    uid: str = account["metadata"]["uid"]
    return uid


def test_a_good_token(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        uid = await builder(server)
        token = await token_of(server, "builder")
        status = await review(server, token)
        assert status["audiences"] == [ISSUER]
        assert (status["authenticated"], status["user"]["username"], status["user"]["uid"]) == (
            True,
            "system:serviceaccount:default:builder",
            uid,
        )
        assert "error" not in status
        token = await token_of(server, "builder", {"audiences": ["vault", "other"]})
        assert (await review(server, token, "vault", "nobody"))["audiences"] == ["vault"]

    serve(check)


def test_it_is_for_others(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await builder(server)
        token = await token_of(server, "builder", {"audiences": ["vault", 'a "b"']})
        theirs = 'token audiences ["vault" "a \\"b\\""] is invalid for the target audiences'
        assert await refused(server, token) == f'[invalid bearer token, {theirs} ["{ISSUER}"]]'
        assert await refused(server, token, "x", "y") == f'[invalid bearer token, {theirs} ["x" "y"]]'

    serve(check)


def test_fixed_tokens_are_for_the_api(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        for audiences in ((), (ISSUER,), ("vault", ISSUER)):
            status = await review(server, "alice-token", *audiences)
            assert (status["user"]["username"], status["audiences"]) == ("alice", [ISSUER])
        assert await refused(server, "alice-token", "vault") == "invalid bearer token"

    serve(check)


def _signed_by(server: Harness, key: Any, **claims: Any) -> str:
    headers = claims.pop("headers", {"kid": server.server.tokens.key_id})
    return jwt.encode({"iss": ISSUER, **claims}, key, "ES256", headers=headers)


def test_it_is_no_token_of_ours(serve: Serve) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    async def check(server: Harness) -> None:
        await builder(server)
        token = await token_of(server, "builder")
        other = ec.generate_private_key(ec.SECP256R1())
        header, payload, signature = token.split(".")
        assert await refused(server, _signed_by(server, other, iss="https://else.where")) == "invalid bearer token"
        for malformed in ("nonsense", "a.b.c", f"{header}.{payload}", f"{header}.{'[' * 100_000}.{signature}"):
            assert (await review(server, malformed))["error"] == "invalid bearer token"
        unknown = "[invalid bearer token, invalid signature, no keys found]"
        assert await refused(server, _signed_by(server, other, headers={"kid": "other"})) == unknown
        forged = "[invalid bearer token, go-jose/go-jose: error in cryptographic primitive]"
        for wrong in (
            _signed_by(server, other),
            f"{header}.{payload}.{signature[:-8]}AAAAAAAA",
            jwt.encode({"iss": ISSUER}, "k" * 32, "HS256"),
            jwt.encode({"iss": ISSUER}, "", "none"),
        ):
            assert await refused(server, wrong) == forged

    serve(check)


def test_it_has_expired(serve: Serve) -> None:
    clock = Ahead()

    async def check(server: Harness) -> None:
        await builder(server)
        token = await token_of(server, "builder", {"expirationSeconds": 600})
        clock.by = timedelta(seconds=630)  # clocks differ: a minute is forgiven
        assert (await review(server, token))["authenticated"] is True
        clock.by = timedelta(seconds=661)
        assert await refused(server, token) == "[invalid bearer token, service account token has expired]"
        clock.by = timedelta(seconds=-30)
        assert (await review(server, token))["authenticated"] is True
        clock.by = timedelta(seconds=-3000)
        assert await refused(server, token) == "[invalid bearer token, service account token is not valid yet]"

    serve(check, clock=clock)


def test_its_account_is_gone_or_another(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        old = await builder(server)
        token = await token_of(server, "builder")
        await server.admin.delete(f"{ACCOUNTS}/builder")
        assert await refused(server, token) == '[invalid bearer token, serviceaccounts "builder" not found]'
        new = await builder(server)
        why = f"service account UID ({new}) does not match claim ({old})"
        assert await refused(server, token) == f"[invalid bearer token, {why}]"

    serve(check)


@pytest.mark.parametrize(
    ("kind", "path", "spec"),
    [
        ("Secret", SECRETS, {}),
        ("Node", NODES, {}),
        ("Pod", PODS, {"spec": {"serviceAccountName": "builder", "containers": [{"name": "c", "image": "app:v1"}]}}),
    ],
)
def test_what_it_is_bound_to_is_gone_or_another(serve: Serve, kind: str, path: str, spec: dict[str, Any]) -> None:
    async def check(server: Harness) -> None:
        await builder(server)
        code, old = await server.post(path, {"metadata": {"name": "x"}, **spec})
        assert code == 201, old
        bound = {"boundObjectRef": {"apiVersion": "v1", "kind": kind, "name": "x"}}
        token = await token_of(server, "builder", bound)
        assert (await review(server, token))["authenticated"] is True
        await server.admin.delete(f"{path}/x")
        assert await refused(server, token) == "[invalid bearer token, service account token has been invalidated]"
        _, new = await server.post(path, {"metadata": {"name": "x"}, **spec})
        there, claimed, lower = new["metadata"]["uid"], old["metadata"]["uid"], kind.lower()
        why = f"{lower} UID ({there}) does not match service account {lower} ref claim ({claimed})"
        assert await refused(server, token) == f"[invalid bearer token, {why}]"

    serve(check)


Held = Callable[[Harness], Awaitable[str]]
"""Creates something that stays for a while when it is deleted, deletes it, and gives a token bound to it."""


async def a_pod_in_its_grace(server: Harness) -> str:
    await builder(server)
    await server.post(NODES, {"metadata": {"name": "n1"}})
    spec = {"serviceAccountName": "builder", "nodeName": "n1", "containers": [{"name": "c", "image": "app:v1"}]}
    await server.post(PODS, {"metadata": {"name": "web"}, "spec": spec})
    token = await token_of(server, "builder", {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "web"}})
    async with server.admin.delete(f"{PODS}/web?gracePeriodSeconds=300") as response:
        assert (await response.json())["metadata"]["deletionTimestamp"]
    return token


async def an_account_with_a_finalizer(server: Harness) -> str:
    await server.post(ACCOUNTS, {"metadata": {"name": "builder", "finalizers": ["example.com/held"]}})
    token = await token_of(server, "builder")
    async with server.admin.delete(f"{ACCOUNTS}/builder") as response:
        assert (await response.json())["metadata"]["deletionTimestamp"]
    return token


@pytest.mark.parametrize(
    ("hold", "good", "bad", "why"),
    [
        (a_pod_in_its_grace, 320, 362, "service account token has been invalidated"),
        (an_account_with_a_finalizer, 20, 62, "service account default/builder has been deleted"),
    ],
)
def test_what_is_being_deleted_counts_for_a_while(serve: Serve, hold: Held, good: int, bad: int, why: str) -> None:
    """A Pod that ends gracefully may still talk to the API."""
    clock = Ahead()

    async def check(server: Harness) -> None:
        token = await hold(server)
        clock.by = timedelta(seconds=good)
        assert (await review(server, token))["authenticated"] is True
        clock.by = timedelta(seconds=bad)
        assert await refused(server, token) == f"[invalid bearer token, {why}]"

    serve(check, clock=clock)
