from __future__ import annotations

import asyncio
from contextlib import closing

import pytest

from podium.clock import VirtualClock, VirtualLoop
from podium.machinery.streams import TerminalSize
from podium.server.streaming.channels import CLOSE, EXEC_PROTOCOLS, ChannelProtocol, Malformed, decode, encode
from podium.server.streaming.idle import Idle, until_first
from podium.server.streaming.pipe import Pipe
from podium.server.streaming.terminal import read_size

V5, V4 = EXEC_PROTOCOLS["v5.channel.k8s.io"], EXEC_PROTOCOLS["v4.channel.k8s.io"]
BASE64 = EXEC_PROTOCOLS["v4.base64.channel.k8s.io"]


def test_messages_there_and_back() -> None:
    assert encode(V5, 1, b"out") == b"\x01out"
    assert encode(BASE64, 2, b"err") == b"2ZXJy"
    for protocol in (V5, V4, BASE64):
        assert decode(protocol, encode(protocol, 3, b"\x00\xff")) == (3, b"\x00\xff")


def test_closing_a_channel_is_of_v5_only() -> None:
    assert decode(V5, b"\xff\x00") == (CLOSE, b"\x00")
    assert decode(V4, b"\xff\x00more") == (255, b"\x00more")


@pytest.mark.parametrize(
    ("protocol", "message"), [(V5, b""), (V5, b"\xff"), (V5, b"\xff\x00\x00"), (BASE64, b"xAAAA"), (BASE64, b"0A=A")]
)
def test_malformed_messages(protocol: ChannelProtocol, message: bytes) -> None:
    with pytest.raises(Malformed):
        decode(protocol, message)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (b'{"Width":80,"Height":24}', TerminalSize(80, 24)),
        (b'{"Width":0,"Height":24}', None),
        (b'{"Width":70000,"Height":24}', None),
        (b'{"Width":"80"}', None),
        (b"80x24", None),
        (b"", None),
    ],
)
def test_sizes(text: bytes, size: TerminalSize | None) -> None:
    assert read_size(text) == size


def test_a_full_pipe_makes_its_writer_wait() -> None:
    async def check() -> None:
        pipe = Pipe(4)
        await pipe.put(b"abc")
        writer = asyncio.ensure_future(pipe.put(b"def"))
        await asyncio.sleep(0)
        assert not writer.done()
        assert await pipe.get() == b"abc"
        await writer
        pipe.end()
        pipe.push(b"too late")
        assert [await pipe.get(), await pipe.get()] == [b"def", b""]

    asyncio.run(check())


def test_a_writer_of_a_dropped_pipe_goes_on() -> None:
    async def check() -> None:
        pipe = Pipe(1)
        writer = asyncio.ensure_future(pipe.put(b"abc"))
        await asyncio.sleep(0)
        pipe.drop()
        await writer
        assert await pipe.get() == b""

    asyncio.run(check())


def test_idleness_counts_from_the_last_touch() -> None:
    async def check() -> float:
        idle = Idle(clock, 100)
        clock.call_later(60, idle.touch)
        await idle.expired()
        return clock.monotonic()

    clock = VirtualClock()
    with closing(VirtualLoop(clock)) as loop:
        assert loop.run_until_complete(check()) == pytest.approx(160)


def test_the_first_to_end_ends_the_others() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("forever")

    async def fails() -> None:
        await asyncio.sleep(0)
        raise LookupError

    with pytest.raises(LookupError):
        asyncio.run(until_first(forever(), fails()))
    assert ended == ["forever"]
