"""gRPC's health check (grpc.health.v1.Health/Check): one unary call over a plain HTTP/2 connection."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import unquote

import h2.config
import h2.connection
import h2.events
import h2.exceptions

SERVING_STATUS = {0: "UNKNOWN", 1: "SERVING", 2: "NOT_SERVING", 3: "SERVICE_UNKNOWN"}
LONGEST_ANSWER = 4 * 1024 * 1024
CODES = {5: "NotFound", 12: "Unimplemented", 14: "Unavailable"}


class HealthError(Exception):
    """The call itself failed."""


async def check(host: str, port: int, service: str) -> str:
    """The serving status that the server gives; OSError, HealthError."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        return await _call(reader, writer, f"{host}:{port}", request(service))
    except (h2.exceptions.ProtocolError, ValueError) as error:  # what isn't a number, or isn't text
        raise HealthError(f"the server doesn't speak gRPC: {error}") from error
    finally:
        writer.transport.abort()
        with suppress(OSError):  # how the connection ended says nothing any more
            await writer.wait_closed()


def request(service: str) -> bytes:
    """A HealthCheckRequest in gRPC's framing."""
    name = service.encode()
    message = b"\x0a" + _varint(len(name)) + name if name else b""
    return b"\x00" + len(message).to_bytes(4, "big") + message


def serving_status(data: bytes) -> str:
    """What a HealthCheckResponse in gRPC's framing says."""
    message = data[5:]
    number = message[1] if message[:1] == b"\x08" and len(message) > 1 else 0
    return SERVING_STATUS.get(number, "UNKNOWN")


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


async def _call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str, body: bytes) -> str:
    connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding="utf-8"))
    connection.initiate_connection()
    stream = connection.get_next_available_stream_id()
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/grpc.health.v1.Health/Check"),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("user-agent", "kube-probe/1.36"),
        ("te", "trailers"),
    ]
    connection.send_headers(stream, headers)
    connection.send_data(stream, body, end_stream=True)
    writer.write(connection.data_to_send())
    answer, trailers = b"", dict[str, str]()
    while received := await reader.read(65536):
        for event in connection.receive_data(received):
            if isinstance(event, h2.events.DataReceived):
                answer += event.data or b""
                if len(answer) > LONGEST_ANSWER:
                    raise HealthError("the server's answer is too long")
                connection.acknowledge_received_data(event.flow_controlled_length or 0, stream)
            elif isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                trailers.update({str(name): str(value) for name, value in event.headers or ()})
            elif isinstance(event, h2.events.StreamEnded):
                return _verdict(answer, trailers)
            elif isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                raise HealthError("the server ended the call")
        writer.write(connection.data_to_send())
    raise HealthError("the server closed the connection")


def _verdict(answer: bytes, trailers: dict[str, str]) -> str:
    code = int(trailers.get("grpc-status", "0"))
    if code == 0:
        return serving_status(answer)
    message = unquote(trailers.get("grpc-message", ""))
    raise HealthError(f"rpc error: code = {CODES.get(code, code)} desc = {message}")
