"""Carries out one probe, or one lifecycle hook: httpGet, tcpSocket, grpc, exec. Messages are the kubelet's."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from podium.agent.probes import grpc
from podium.agent.runtime import Runtime, RuntimeFailure
from podium.clock import Clock
from podium.models.core_v1 import Container, HTTPGetAction, LifecycleHandler, Probe

T = TypeVar("T")
LONGEST_BODY = 10 * 1024
LONGEST_REDIRECTS = 10
PROBE_AGENT, HOOK_AGENT = "kube-probe/1.36", "kube-lifecycle/1.36"


@dataclass(frozen=True, slots=True)
class Outcome:
    success: bool
    message: str = ""
    warning: bool = False
    """It succeeded, but something is to be told (a redirect to another host)."""
    carried_out: bool = True
    """Otherwise it says nothing about the container."""
    status: int = 0
    """Of the answer to an HTTP request."""


@dataclass(frozen=True, slots=True)
class Target:
    """The container that is probed."""

    runtime: Runtime
    clock: Clock
    container: Container
    container_id: str
    ip: str


async def probe(target: Target, spec: Probe, seconds: float) -> Outcome:
    """Probe once, for at most so many seconds."""
    if spec.exec is not None:
        return await _exec(target, spec.exec.command, seconds)
    if spec.httpGet is not None:
        return await http_get(target, spec.httpGet, seconds)
    if spec.tcpSocket is not None:
        return await _tcp(target, spec.tcpSocket.host or target.ip, spec.tcpSocket.port, seconds)
    if spec.grpc is not None:
        return await _grpc(target, spec.grpc.port, spec.grpc.service, seconds)
    return Outcome(False, "missing probe handler", carried_out=False)


async def hook(target: Target, handler: LifecycleHandler) -> Outcome:
    """Run a lifecycle hook, however long it takes."""
    if handler.exec is not None:
        return await _exec(target, handler.exec.command, None)
    if handler.httpGet is not None:
        outcome = await http_get(target, handler.httpGet, None, HOOK_AGENT)
        return Outcome(True) if outcome.status else outcome  # any answer will do
    if handler.sleep is not None:
        await target.clock.sleep(handler.sleep.seconds)
        return Outcome(True)
    return Outcome(False, "invalid handler: it says nothing that can be done")


def port_number(port: int | str | None, container: Container) -> int:
    """The port that a probe names by number or by the name of a container port; ValueError."""
    if isinstance(port, str):
        for declared in container.ports:
            if declared.name == port:
                return declared.containerPort
        if not (port.isascii() and port.isdigit()):
            raise ValueError(f'strconv.Atoi: parsing "{port}": invalid syntax')
    number = int(port or 0)
    if not 0 < number < 65536:
        raise ValueError(f"invalid port number: {number}")
    return number


async def http_get(target: Target, action: HTTPGetAction, seconds: float | None, agent: str = PROBE_AGENT) -> Outcome:
    """200 to 399 is success. Redirects are followed, but not to another host."""
    try:
        port = port_number(action.port, target.container)
    except ValueError as error:
        return Outcome(False, str(error), carried_out=False)
    host = action.host or target.ip
    path = action.path if action.path.startswith("/") else f"/{action.path}"
    scheme = (action.scheme or "HTTP").lower()
    url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"
    headers = [("User-Agent", agent), ("Accept", "*/*")]
    given = [(header.name, header.value) for header in action.httpHeaders]
    names = {name.lower() for name, _ in given}
    headers = [header for header in headers if header[0].lower() not in names] + given
    try:
        return await _within(target.clock, seconds, _request(url, host, headers))
    except TimeoutError:
        why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
        return Outcome(False, f'Get "{url}": {why}')
    except aiohttp.ClientConnectorError as error:
        return Outcome(False, f'Get "{url}": dial tcp {host}:{port}: connect: {_reason(error.os_error)}')
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return Outcome(False, f'Get "{url}": {str(error) or "EOF"}')


async def _request(url: str, host: str, headers: Sequence[tuple[str, str]]) -> Outcome:
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    connector = aiohttp.TCPConnector(ssl=unverified, force_close=True)
    unlimited = aiohttp.ClientTimeout()  # the caller knows how long it may take
    async with aiohttp.ClientSession(connector=connector, auto_decompress=False, timeout=unlimited) as session:
        for _ in range(LONGEST_REDIRECTS):
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                location = response.headers.get("Location")
                if response.status in (301, 302, 303, 307, 308) and location:
                    following = response.url.join(URL(location))
                    if following.host != response.url.host:
                        why = f"Probe terminated redirects, Response body: {location}"
                        return Outcome(True, why, warning=True, status=response.status)
                    url = str(following)
                    continue
                await response.content.read(LONGEST_BODY)
                if 200 <= response.status < 400:
                    return Outcome(True, status=response.status)
                why = f"HTTP probe failed with statuscode: {response.status}"
                return Outcome(False, why, status=response.status)
    return Outcome(False, f'Get "{url}": stopped after {LONGEST_REDIRECTS} redirects')


async def _tcp(target: Target, host: str, port: int | str | None, seconds: float) -> Outcome:
    try:
        number = port_number(port, target.container)
    except ValueError as error:
        return Outcome(False, str(error), carried_out=False)
    try:
        _, writer = await _within(target.clock, seconds, asyncio.open_connection(host, number))
    except TimeoutError:
        return Outcome(False, f"dial tcp {host}:{number}: i/o timeout")
    except UnicodeError:  # no host can be called so
        return Outcome(False, f"dial tcp: lookup {host}: no such host")
    except OSError as error:
        return Outcome(False, f"dial tcp {host}:{number}: connect: {_reason(error)}")
    writer.transport.abort()
    await writer.wait_closed()
    return Outcome(True)


async def _grpc(target: Target, port: int, service: str, seconds: float) -> Outcome:
    try:
        status = await _within(target.clock, seconds, grpc.check(target.ip, port, service))
    except TimeoutError:
        what = f'timeout: failed to connect service "{target.ip}:{port}" within {seconds:g}s'
        return Outcome(False, f"{what}: context deadline exceeded")
    except OSError as error:
        return Outcome(False, f'error: failed to connect service "{target.ip}:{port}": {_reason(error)}')
    except grpc.HealthError as error:
        return Outcome(False, f"error: health rpc failed: {error}")
    if status != "SERVING":
        return Outcome(False, f'service unhealthy (responded with "{status}")')
    return Outcome(True)


async def _exec(target: Target, command: Sequence[str], seconds: float | None) -> Outcome:
    try:
        result = await target.runtime.exec_sync(target.container_id, command, seconds)
    except TimeoutError:
        shown = " ".join(command)
        return Outcome(False, f'command timed out: "{shown}" timed out after {seconds:g}s')
    except (RuntimeFailure, OSError) as error:  # it has just ended, or there are no more processes
        return Outcome(False, str(error), carried_out=False)
    return Outcome(result.exit_code == 0, result.output.decode(errors="replace"))


async def _within(clock: Clock, seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
    """The result of the work; TimeoutError when it takes longer."""
    if seconds is None:
        return await work
    task = asyncio.ensure_future(work)
    late = False

    def cancel() -> None:
        nonlocal late
        late = True
        task.cancel()

    handle = clock.call_later(seconds, cancel)
    try:
        return await task
    except asyncio.CancelledError:
        if late and task.cancelled():
            raise TimeoutError from None
        task.cancel()
        raise
    finally:
        handle.cancel()


def _reason(error: OSError) -> str:
    """As Go words it."""
    if isinstance(error, socket.gaierror):
        return "no such host"
    return os.strerror(error.errno).lower() if error.errno else str(error)
