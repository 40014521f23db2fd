from __future__ import annotations

import struct
import zlib

import pytest

from podium.server.streaming import spdy
from podium.server.streaming.spdy import Data, Framer, GoAway, Opened, Ping, ProtocolError, Reset, ResetStream, Type


def control(kind: int, body: bytes, flags: int = 0, version: int = 3) -> bytes:
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | len(body)) + body


def test_the_dictionary_is_the_specification_s() -> None:
    assert (len(spdy.DICTIONARY), zlib.adler32(spdy.DICTIONARY)) == (1423, 3821447106)


def test_frames_survive_the_way_however_they_are_cut() -> None:
    sender = Framer()
    sent = b"".join(
        (
            sender.opened(Type.SYN_STREAM, 1, {"StreamType": "error", "port": "80"}),
            sender.opened(Type.SYN_STREAM, 3, {"streamtype": "data"}, fin=True),
            sender.opened(Type.SYN_REPLY, 3, {}),
            spdy.data(1, b"hello"),
            spdy.data(1, b"", fin=True),
            spdy.ping(7),
            spdy.reset(3, Reset.CANCEL),
            spdy.go_away(3),
        )
    )
    expected = [
        Opened(1, {"streamtype": "error", "port": "80"}),
        Opened(3, {"streamtype": "data"}, True),
        Opened(3, {}, type=Type.SYN_REPLY),
        Data(1, b"hello"),
        Data(1, b"", True),
        Ping(7),
        ResetStream(3, 5),
        GoAway(3),
    ]
    for size in (1, 7, len(sent)):
        receiver = Framer()
        frames = [frame for at in range(0, len(sent), size) for frame in receiver.feed(sent[at : at + size])]
        assert frames == expected, size


def test_frames_that_are_of_no_interest_are_left_out() -> None:
    assert Framer().feed(control(4, bytes(4)) + control(9, bytes(8)) + control(77, b"?") + spdy.ping(1)) == [Ping(1)]


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(control(1, bytes(10), version=2), id="version"),
        pytest.param(control(6, bytes(3)), id="short ping"),
        pytest.param(control(3, bytes(9)), id="long reset"),
        pytest.param(control(7, bytes(4)), id="short goaway"),
        pytest.param(control(1, struct.pack(">I", 1)), id="short syn"),
        pytest.param(control(1, bytes(10)), id="stream 0"),
        pytest.param(control(1, struct.pack(">I", 1) + bytes(6) + b"not zlib"), id="headers"),
        pytest.param(spdy.data(0, b"x"), id="data of stream 0"),
        pytest.param(struct.pack(">II", 1, 0xFFFFFF), id="too long, refused before it has come"),
    ],
)
def test_malformed_frames_end_the_connection(wire: bytes) -> None:
    with pytest.raises(ProtocolError):
        Framer().feed(wire)


def test_headers_that_explode_are_refused() -> None:
    deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
    block = deflate.compress(bytes(10_000_000)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    with pytest.raises(ProtocolError, match="too long"):
        Framer().feed(control(1, struct.pack(">I", 1) + bytes(6) + block))


@pytest.mark.parametrize(
    "block",
    [
        b"",
        struct.pack(">I", 5),
        struct.pack(">I", 2**31),
        struct.pack(">II", 1, 2**31) + b"name",
        struct.pack(">II", 1, 1) + b"n",
        struct.pack(">II", 1, 1) + b"\xff" + struct.pack(">I", 0),
        struct.pack(">I", 0) + b"more",
    ],
)
def test_malformed_headers(block: bytes) -> None:
    with pytest.raises(ProtocolError):
        spdy.read_headers(block)
