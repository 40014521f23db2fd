from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from podium.machinery.errors import BadRequest
from podium.machinery.streams import LogOptions
from podium.models.core_v1 import Container, Pod, PodSpec
from podium.models.meta_v1 import ObjectMeta
from podium.server.handlers.logs import container_of, log_options
from tests.server.harness import Harness, Serve

PODS = "/api/v1/namespaces/default/pods"


class Node:
    """A node whose containers say what they were asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, str, LogOptions]] = []
        self.more = asyncio.Event()

    async def logs(self, node: str, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.asked.append((node, namespace, pod, options))
        if options.previous:
            raise BadRequest('previous terminated container "c" in pod "web" not found')
        yield b"first\n"
        if options.follow:
            await self.more.wait()
            yield b"second\n"


def pod(*names: str, initial: tuple[str, ...] = ()) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web"),
        spec=PodSpec(
            containers=tuple(Container(name=name) for name in names),
            initContainers=tuple(Container(name=name) for name in initial),
        ),
    )


async def put_pod(server: Harness, node: str) -> None:
    await server.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "default"}})
    await server.post("/api/v1/nodes", {"metadata": {"name": "node-1"}})
    spec: dict[str, Any] = {"containers": [{"name": "c", "image": "nginx"}]}
    status, made = await server.post(
        PODS, {"metadata": {"name": "web"}, "spec": spec | ({"nodeName": node} if node else {})}
    )
    assert status == 201, made


def test_logs_come_from_the_node(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.admin.get(f"{PODS}/web/log?tailLines=5&timestamps=true") as response:
            assert response.content_type == "text/plain"
            assert await response.text() == "first\n"
        [(node_name, namespace, name, options)] = node.asked
        assert (node_name, namespace, name) == ("node-1", "default", "web")
        assert options == LogOptions(container="c", tail_lines=5, timestamps=True)

    node = Node()
    serve(check, node_access=node)


def test_following(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        async with server.admin.get(f"{PODS}/web/log?follow=true") as response:
            assert await response.content.readline() == b"first\n"
            node.more.set()
            assert await response.read() == b"second\n"

    node = Node()
    serve(check, node_access=node)


def test_an_error_of_the_node_is_the_answer(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "node-1")
        refused = await server.get(f"{PODS}/web/log?previous=true")
        assert (refused["code"], refused["message"]) == (
            400,
            'previous terminated container "c" in pod "web" not found',
        )
        assert (await server.get(f"{PODS}/none/log"))["code"] == 404
        assert (await server.get(f"{PODS}/web/log?container=x"))["message"] == "container x is not valid for pod web"
        assert (await server.get(f"{PODS}/web/log?tailLines=-1"))["code"] == 422

    serve(check, node_access=Node())


def test_a_pod_without_a_node_has_no_output(serve: Serve) -> None:
    async def check(server: Harness) -> None:
        await put_pod(server, "")
        async with server.admin.get(f"{PODS}/web/log") as response:
            assert (response.status, await response.read()) == (200, b"")

    serve(check, node_access=Node())


def test_which_container() -> None:
    assert container_of(pod("a"), "") == "a"
    assert container_of(pod("a", initial=("i",)), "i") == "i"
    with pytest.raises(BadRequest) as refused:
        container_of(pod("a", "b", initial=("i",)), "")
    assert refused.value.message == (
        "a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]"
    )


def test_times() -> None:
    options = log_options({"sinceTime": "2026-01-01T00:00:00Z"}, pod("a"))
    assert options.since_time is not None
    assert options.since_time.isoformat() == "2026-01-01T00:00:00+00:00"
    with pytest.raises(BadRequest):
        log_options({"sinceTime": "yesterday"}, pod("a"))
