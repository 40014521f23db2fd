"""What handlers work with."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from podium.clock import Clock
from podium.machinery.streams import NodeAccess
from podium.registry.registry import Registry
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
