#!/usr/bin/env python3
"""A collector to look at: prints the spans and figures that it is sent, a line each.

    python3 collector.py [PORT]

It understands OpenTelemetry's `http/protobuf` (at /v1/traces and /v1/metrics) and Zipkin's JSON
(at /api/v2/spans), and needs nothing but Python.
"""

from __future__ import annotations

import json
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Fields = dict[int, list]
"""A message by the numbers of its fields, as OpenTelemetry's definitions have them."""


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def parse(data: bytes) -> Fields:
    """Take one protobuf message apart."""
    found: Fields = defaultdict(list)
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = read_varint(data, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if size is None:
                size, at = read_varint(data, at)
            value, at = data[at : at + size], at + size
        found[number].append(value)
    return found


def attributes(pairs: list[bytes]) -> dict[str, str]:
    found = {}
    for pair in map(parse, pairs):
        value = parse(pair[2][0]) if pair[2] else {}
        text = next((v[0] for v in value.values()), b"")
        found[pair[1][0].decode()] = text.decode() if isinstance(text, bytes) else str(text)
    return found


def scopes(body: bytes) -> Iterator[Fields]:
    for group in parse(body)[1]:
        yield from map(parse, parse(group)[2])


def nanos(field: list[bytes]) -> int:
    return struct.unpack("<Q", field[0])[0] if field else 0


def line(start: int, length: float, trace: str, name: str, said: dict[str, str]) -> str:
    at = datetime.fromtimestamp(start / 1e6, UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
    service = said.get("kn.service.name", "-")
    revision = said.get("kn.revision.name", "-")
    code = said.get("http.status_code", "-")
    url = said.get("http.url", "")
    return f"{at} {length / 1e3:9.1f} ms  {trace[:8]}  {name:15} {service} {revision} {code} {url}"


def spans(body: bytes) -> Iterator[str]:
    for scope in scopes(body):
        for span in sorted(map(parse, scope[2]), key=lambda span: nanos(span[7])):
            start, end = nanos(span[7]) / 1000, nanos(span[8]) / 1000
            name, trace = span[5][0].decode(), span[1][0].hex()
            yield line(int(start), end - start, trace, name, attributes(span[9]))


def zipkin(body: bytes) -> Iterator[str]:
    for span in sorted(json.loads(body), key=lambda span: span["timestamp"]):
        yield line(span["timestamp"], span["duration"], span["traceId"], span["name"], span["tags"])


def figures(body: bytes) -> Iterator[str]:
    for scope in scopes(body):
        for metric in map(parse, scope[2]):
            name = metric[1][0].decode()
            for kind in (5, 7, 9):  # gauge, sum, histogram
                for point in (p for data in metric[kind] for p in parse(data)[1]):
                    fields = parse(point)
                    said = attributes(fields[9 if kind == 9 else 7])
                    labels = " ".join(f"{key}={value}" for key, value in sorted(said.items()))
                    yield f"{name:35} {measured(fields, histogram=kind == 9):>18}  {labels}"


def measured(fields: Fields, *, histogram: bool) -> str:
    if histogram:
        total = struct.unpack("<d", fields[5][0])[0] if fields[5] else 0.0
        return f"{nanos(fields[4])} in {total:.3f} s"
    if fields[4]:
        return f"{struct.unpack('<d', fields[4][0])[0]:g}"
    return str(struct.unpack("<q", fields[6][0])[0]) if fields[6] else "0"


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            body = b"".join(self.chunks())
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kinds = {"/v1/traces": spans, "/v1/metrics": figures, "/api/v2/spans": zipkin}
        read = kinds.get(self.path)
        for text in read(body) if read else [f"? {self.path}: {len(body)} bytes"]:
            print(text, flush=True)
        self.send_response(200 if read else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_args: object) -> None:
        """Say nothing but what was sent."""


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 4318
    print(f"listening at http://127.0.0.1:{port}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", port), Collector).serve_forever()
