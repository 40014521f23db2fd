"""What handlers work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from aiohttp import web

from podium.clock import Clock
from podium.machinery.streams import NodeAccess
from podium.registry.registry import Registry
from podium.server.aggregation.servers import ExtensionServers
from podium.server.authentication.authenticator import Authenticator
from podium.server.authentication.tokens import ServiceAccountTokens
from podium.server.authorization.authorizer import Authorizer
from podium.server.authorization.reviews import Reviews


@dataclass(slots=True)
class Services:
    registry: Registry
    clock: Clock
    rng: Random
    authorizer: Authorizer
    authenticator: Authenticator
    tokens: ServiceAccountTokens
    reviews: Reviews
    node_access: NodeAccess | None
    extensions: ExtensionServers
    upgraded: int = 0
    """How many connections have stopped being HTTP: exec, attach, port-forward."""

    def counted(
        self, run: Callable[[web.BaseRequest], Awaitable[None]]
    ) -> Callable[[web.BaseRequest], Awaitable[None]]:
        """The same, counted in `upgraded` while it runs."""

        async def counting(request: web.BaseRequest) -> None:
            self.upgraded += 1
            try:
                await run(request)
            finally:
                self.upgraded -= 1

        return counting
