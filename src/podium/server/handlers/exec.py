"""pods/exec and pods/attach: a command's streams, or a container's, on a WebSocket or on SPDY streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from aiohttp import web

from podium.machinery import field
from podium.machinery.errors import BadRequest, Invalid, ServiceUnavailable, StatusError, TooManyRequests
from podium.machinery.streams import ClientStreams, NodeAccess, StreamOptions
from podium.models.core_v1 import Pod
from podium.models.meta_v1 import Status, StatusCause, StatusDetails
from podium.registry.resources import Resource
from podium.server.exchange import Exchange, Upgrade
from podium.server.handlers.logs import container_of
from podium.server.requests import truth
from podium.server.services import Services
from podium.server.streaming.channels import EXEC_PROTOCOLS, Channels, is_websocket, negotiate
from podium.server.streaming.idle import Idle, until_first
from podium.server.streaming.negotiation import chosen_protocol, is_spdy
from podium.server.streaming.spdy_connection import SpdyConnection
from podium.server.streaming.terminal import SPDY_PROTOCOLS, SpdyTerminal, WebSocketTerminal
from podium.server.streaming.wires import switch_protocols

MAX_UPGRADED = 500
"""How many of these conversations there may be at once."""
CREATION_SECONDS = 30.0
"""How long a client may take to open its SPDY streams."""
LINGER = 2.0
UPGRADE_REQUIRED = "Upgrade request required"

Work = Callable[[ClientStreams], Awaitable[int]]


async def exec_(services: Services, exchange: Exchange, res: Resource) -> Upgrade:
    node, pod = await target(services, exchange, res)
    options = stream_options(exchange.query, pod)
    command = values(exchange, "command")
    if not command:
        raise Invalid("PodExecOptions", "", [field.required("command")])
    meta, where = pod.metadata, pod.spec.nodeName
    return conversation(
        services,
        exchange,
        options,
        lambda client: node.exec(where, meta.namespace, meta.name, command, options, client),
        command,
    )


async def attach(services: Services, exchange: Exchange, res: Resource) -> Upgrade:
    node, pod = await target(services, exchange, res)
    options = stream_options(exchange.query, pod)
    meta, where = pod.metadata, pod.spec.nodeName

    async def work(client: ClientStreams) -> int:
        await node.attach(where, meta.namespace, meta.name, options, client)
        return 0

    return conversation(services, exchange, options, work)


async def target(services: Services, exchange: Exchange, res: Resource) -> tuple[NodeAccess, Pod]:
    """The Pod that is meant and the way to its node; BadRequest, ServiceUnavailable, TooManyRequests."""
    entry = await services.registry.get(res, exchange.info.namespace, exchange.info.name)
    pod: Pod = entry.object
    if not pod.spec.nodeName:
        raise BadRequest(f"pod {pod.metadata.name} does not have a host assigned")
    if services.node_access is None:
        raise ServiceUnavailable(f"no agent of node {pod.spec.nodeName} is connected to this server")
    if services.upgraded >= MAX_UPGRADED:
        raise TooManyRequests("Too many requests, please try again later.", retry_after=1)
    return services.node_access, pod


def stream_options(query: dict[str, str], pod: Pod) -> StreamOptions:
    tty = truth(query.get("tty"))
    options = StreamOptions(
        container=container_of(pod, query.get("container", "")),
        stdin=truth(query.get("stdin")),
        stdout=truth(query.get("stdout")),
        stderr=truth(query.get("stderr")) and not tty,
        tty=tty,
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise BadRequest("you must specify at least 1 of stdin, stdout, stderr")
    return options


def values(exchange: Exchange, name: str) -> tuple[str, ...]:
    """All values of a parameter that may be repeated, in order."""
    query = exchange.raw.path_qs.partition("?")[2]
    return tuple(value for key, value in parse_qsl(query, keep_blank_values=True) if key == name)


def conversation(
    services: Services, exchange: Exchange, options: StreamOptions, work: Work, command: tuple[str, ...] = ()
) -> Upgrade:
    """The upgrade that the client asks for, with the work done on its streams."""
    if is_websocket(exchange.raw):
        return _over_websocket(services, exchange, options, work, command)
    if is_spdy(exchange.raw):
        return _over_spdy(services, exchange, options, work, command)
    raise BadRequest(UPGRADE_REQUIRED)


def _over_websocket(
    services: Services, exchange: Exchange, options: StreamOptions, work: Work, command: tuple[str, ...]
) -> Upgrade:
    socket, protocol = negotiate(exchange.raw, tuple(EXEC_PROTOCOLS))

    async def run(request: web.BaseRequest) -> None:
        await socket.prepare(request)
        idle = Idle(services.clock)
        client = WebSocketTerminal(Channels(socket, EXEC_PROTOCOLS[protocol], idle), options)

        async def serve() -> None:
            await client.greet(options)
            await client.finish(await outcome(work, client, command))

        await until_first(serve(), client.receive(), idle.expired())

    return Upgrade(services.counted(run))


def _over_spdy(
    services: Services, exchange: Exchange, options: StreamOptions, work: Work, command: tuple[str, ...]
) -> Upgrade:
    protocol = chosen_protocol(exchange.raw, SPDY_PROTOCOLS)

    async def run(request: web.BaseRequest) -> None:
        idle = Idle(services.clock)
        client = SpdyTerminal(options, protocol)
        wire = switch_protocols(request, idle, {"X-Stream-Protocol-Version": protocol})

        async def serve() -> None:
            await client.complete.wait()
            await client.finish(await outcome(work, client, command))
            await services.clock.sleep(LINGER)  # what the client still sends must not cut off what it hasn't read yet

        async def in_time() -> None:
            await services.clock.sleep(CREATION_SECONDS)
            if client.complete.is_set():
                await idle.expired()

        await until_first(serve(), SpdyConnection(wire, client.opened).serve(), in_time())

    return Upgrade(services.counted(run))


async def outcome(work: Work, client: ClientStreams, command: tuple[str, ...]) -> Status:
    """How it ended, as clients are told."""
    try:
        code = await work(client)
    except StatusError as error:
        return error.status()
    if code == 0:
        return Status(status="Success")
    return Status(
        status="Failure",
        reason="NonZeroExitCode",
        message=f"command terminated with non-zero exit code: error executing command [{' '.join(command)}], "
        f"exit code {code}",
        details=StatusDetails(causes=(StatusCause(reason="ExitCode", message=str(code)),)),
    )
