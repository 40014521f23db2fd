"""When the demo names the Flask app's address."""

from __future__ import annotations

import asyncio
import socket

from podium.cli.demo import _listens
from podium.clock import RealClock


class Patient(RealClock):
    """A clock whose first wait is as long as the app needs to listen."""

    def __init__(self, app: socket.socket) -> None:
        self.app = app
        self.waits = 0

    async def sleep(self, seconds: float) -> None:
        self.waits += 1
        self.app.listen()


def test_an_address_is_named_once_the_app_listens() -> None:
    with socket.socket() as app:
        app.bind(("127.0.0.1", 0))
        clock = Patient(app)
        assert asyncio.run(_listens(clock, *app.getsockname()))
    assert clock.waits == 1
