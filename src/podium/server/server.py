"""The server: a TLS listener on loopback, and the parts of the API behind it.

server = Server(registry, clock, rng, ServerConfig(pki=pki.ensure(directory, now)))
await server.start(); ...; await server.stop()
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from podium.clock import Clock
from podium.machinery.streams import NodeAccess
from podium.models.meta_v1 import ObjectMeta
from podium.registry.registry import Registry
from podium.registry.types import User
from podium.server.aggregation.servers import ExtensionServers
from podium.server.aggregation.trust import Trust
from podium.server.api import Api
from podium.server.authentication.authenticator import Authenticator
from podium.server.authentication.certificates import user_of
from podium.server.authentication.tokens import ServiceAccountTokens
from podium.server.authorization.authorizer import Authorizer
from podium.server.authorization.live import follow_rbac
from podium.server.authorization.reviews import Reviews
from podium.server.exchange import Answer, Lasting, Upgrade
from podium.server.health import Health
from podium.server.metrics import RequestMetrics
from podium.server.paths import Paths
from podium.server.pki import Pki
from podium.server.services import Services

logger = logging.getLogger(__name__)

_IDLE_TIMEOUT = 90.0
"""Seconds that a connection may be without a request, as in Kubernetes."""
_LONGEST_LINE = 1024 * 1024
"""The first one of a request, as long as the whole head may be in Kubernetes: the command of an exec is in it."""
_LONGEST_HEADER = 64 * 1024
"""There may be many, from clients that nobody knows yet."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    pki: Pki
    host: str = "127.0.0.1"
    port: int = 0
    """0: any free one."""
    tokens: Mapping[str, User] = field(default_factory=dict)
    """Fixed bearer tokens, beside those of ServiceAccounts."""
    max_reads: int = 400
    max_writes: int = 200
    """How many requests may be in progress at once; watches and logs don't count."""
    request_timeout: float = 60.0
    """Seconds that a write may take, its body included."""
    stop_timeout: float = 5.0
    """Seconds that requests have to end when the server stops."""


class _ClientsFaults(logging.Filter):
    """Clients that leave in the middle, or send what is no HTTP and are answered with 400, aren't logged: anybody may
    do so any number of times, and the HTTP library quotes what it can't read, which may be a token or a Secret."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, HttpProcessingError | ConnectionError)


_http_logger = logging.getLogger("podium.server.http")
_http_logger.addFilter(_ClientsFaults())


class _Connections(web.Server):
    """The HTTP library's server, which also remembers whose certificate each connection showed."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._users: dict[object, User | None] = {}
        self._streams: dict[object, asyncio.Task[object]] = {}
        super().__init__(
            self._handle,
            access_log=None,
            keepalive_timeout=_IDLE_TIMEOUT,
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_HEADER,
            auto_decompress=False,
            lingering_time=2.0,
            logger=_http_logger,
        )

    def connection_made(self, handler: RequestHandler, transport: asyncio.Transport) -> None:
        super().connection_made(handler, transport)
        self._users[handler] = user_of(transport)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._users.pop(handler, None)
        stream = self._streams.pop(handler, None)
        if stream is not None:  # nobody reads it any more
            stream.cancel()

    async def _handle(self, request: web.BaseRequest) -> Answer | Lasting:
        connection = request.protocol
        answer = await self._api.handle(request, self._users.get(connection))
        if isinstance(answer, Lasting):
            task = asyncio.current_task()
            assert task is not None
            if connection not in self._users:
                task.cancel()  # the client left while the stream was being prepared
            self._streams[connection] = task
            task.add_done_callback(lambda _task: self._streams.pop(connection, None))
            if isinstance(answer, Upgrade):
                await answer.run(request)
        return answer


class Server:
    def __init__(
        self,
        registry: Registry,
        clock: Clock,
        rng: Random,
        config: ServerConfig,
        node_access: NodeAccess | None = None,
    ) -> None:
        self.config = config
        self.authorizer = Authorizer()
        self.tokens = ServiceAccountTokens(config.pki.service_account_key, clock, rng, self._live)
        authenticator = Authenticator(self.tokens, config.tokens)
        self._registry = registry
        self._extensions = ExtensionServers(registry, rng, config.pki.front_proxy)
        self._trust = Trust(registry, config.pki)
        services = Services(
            registry=registry,
            clock=clock,
            rng=rng,
            authorizer=self.authorizer,
            authenticator=authenticator,
            tokens=self.tokens,
            reviews=Reviews(self.authorizer, authenticator),
            node_access=node_access,
            extensions=self._extensions,
        )
        metrics = RequestMetrics()
        health = Health({"ping": lambda: ""}, {"etcd": self._store_problem, "shutdown": self._stopping})
        limits = {"readOnly": config.max_reads, "mutating": config.max_writes}
        self._api = Api(services, Paths(services, health, metrics), metrics, limits, config.request_timeout)
        self._connections: _Connections | None = None
        self._listener: asyncio.Server | None = None
        self._unfollow: Callable[[], None] = lambda: None

    @property
    def port(self) -> int:
        """The port that is listened on; 0 before the start."""
        if self._listener is None or not self._listener.sockets:
            return 0
        port: int = self._listener.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen. The registry has been started. OSError if the port is taken."""
        self._connections = _Connections(self._api)
        self._listener = await asyncio.get_running_loop().create_server(
            self._connections,
            self.config.host,
            self.config.port,
            ssl=tls_context(self.config.pki),
            backlog=1024,
            start_serving=False,
        )
        self._unfollow = follow_rbac(self._registry, self.authorizer)
        self._registry.core.token_issuer = self.tokens.issue
        if self._registry.extensions is None:  # a test may have its own
            self._registry.extensions = self._extensions
        await self._registry.advertise(self.config.host, self.port)
        await self._trust.start()
        await self._listener.start_serving()

    async def stop(self) -> None:
        """Take no more connections, end watches, let requests end, close."""
        if self._listener is None or self._connections is None:
            return
        self._api.stopping = True
        self._listener.close()
        self._connections.pre_shutdown()
        for stream in list(self._api.streams):
            stream.cancel()
        await self._connections.shutdown(self.config.stop_timeout)
        await self._listener.wait_closed()
        self._listener = None
        self._unfollow()
        if self._registry.extensions is self._extensions:
            self._registry.extensions = None
        await self._trust.stop()
        await self._extensions.close()

    async def _live(self, plural: str, namespace: str, name: str) -> ObjectMeta | None:
        entry = self._registry.live(plural).get(namespace, name)
        if entry is None:
            return None
        metadata: ObjectMeta = entry.object.metadata
        return metadata

    def _store_problem(self) -> str:
        failure = self._registry.core.store.failure
        return "" if failure is None else "the store has stopped"

    def _stopping(self) -> str:
        return "the server is stopping" if self._api.stopping else ""


def tls_context(pki: Pki) -> ssl.SSLContext:
    """TLS 1.2 or newer; a client may show a certificate of our CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(pki.server.certificate, pki.server.key)
    context.load_verify_locations(pki.ca.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context
