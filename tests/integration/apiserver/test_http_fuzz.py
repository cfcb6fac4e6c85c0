"""Bytes on the wire that nobody meant: a 4xx, and the server goes on.

Each test tries a hundred or so cases; ``make fuzz`` tries ten thousand.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st

from wakeful.aio import Lifetime
from wakeful.apimachinery.request import SYSTEM_MASTERS, UserInfo
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.apiserver.http import ApiServerComponent, HTTPApplication
from wakeful.apiserver.protocols import Credentials
from wakeful.storage import MemoryStore

CASES = int(os.environ.get("WAKEFUL_FUZZ_CASES", "150"))
fuzzed = settings(
    max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


class Anybody:
    def authenticate(self, credentials: Credentials) -> UserInfo | None:
        return UserInfo("anybody", (SYSTEM_MASTERS,))


class ServerThread:
    """A server with a loop of its own, so that a plain client can talk to it."""

    def __init__(self) -> None:
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._life = Lifetime()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(60)
        self.port = self._component.port

    def _run(self) -> None:
        store = MemoryStore()
        application = HTTPApplication(APIServer(store, make_scheme()), authenticator=Anybody())
        self._component = ApiServerComponent(application, store, port=0)

        async def main() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._component.run(self._life))
                await self._life.started.wait()
                self._started.set()

        self._loop.run_until_complete(main())
        self._loop.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._life.draining.set)
        self._thread.join(60)

    def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers.items():
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.read(100_000)
        finally:
            connection.close()


@pytest.fixture(scope="module")
def server() -> Iterator[ServerThread]:
    thread = ServerThread()
    yield thread
    thread.stop()


segments = st.one_of(
    st.sampled_from(
        [
            "api",
            "apis",
            "v1",
            "namespaces",
            "default",
            "pods",
            "x",
            "status",
            "scale",
            "apps",
            "log",
            "deployments",
            "serving.knative.dev",
            "services",
            "watch",
            "openapi",
            "v3",
            "token",
            "exec",
            "v1alpha1",
            "events.k8s.io",
            "events",
            "healthz",
            "version",
            "%2f",
            "%ff",
            "%00",
            "%",
            "..",
            "%ed%a0%80",
            "configmaps",
            "%20",
            "a%0d%0ab",
            "",
            "proxy",
            "eviction",
            "%u1234",
        ]
    ),
    st.text("abcxyz0189-._~%:@!$&'()*+,;=", max_size=10),
)
queries = st.one_of(
    st.just(""),
    st.sampled_from(
        [
            "limit=1&continue=%00",
            "labelSelector=%ff",
            "fieldSelector=metadata.name%3D%ff",
            "%",
            "=&=",
            "watch=1&timeoutSeconds=1",
            "watch=1&timeoutSeconds=-1",
            "watch=1&timeoutSeconds=x",
            "a" * 4000,
            "resourceVersion=%E0%A5%A7",
            "includeObject=%00",
            "pretty=true",
            "fieldManager=%0a",
            "dryRun=All&dryRun=x",
            "limit=99999999999999999999",
            "watch=1&resourceVersion=9",
        ]
    ),
    st.text("abc=&%123;+", max_size=20),
)
header_values = st.one_of(
    st.sampled_from(
        [
            "application/json",
            "application/yaml",
            "application/vnd.kubernetes.protobuf",
            "*/*",
            ",,;;=",
            "application/json;as=Table;g=meta.k8s.io;v=v1",
            "application/merge-patch+json",
            "text/html",
            "application/json-patch+json",
            "application/apply-patch+yaml",
            'application/json;as="',
            "x" * 2000,
            "application/strategic-merge-patch+json",
            "Bearer x",
            "Basic e30=",
            "Bearer",
            "alice",
            "\xff",
            "gzip",
            "deflate, br",
            "100-continue",
        ]
    ),
    st.text('abc/;=,+ \t"', max_size=20),
)
headers = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Content-Type",
            "Content-Encoding",
            "Expect",
            "Authorization",
            "User-Agent",
            "If-None-Match",
            "Impersonate-User",
            "Impersonate-Group",
            "Impersonate-Extra-a%2fb",
            "Impersonate-Uid",
            "Upgrade",
            "X-Odd",
        ]
    ),
    header_values,
    max_size=4,
)
bodies = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"{}",
            b"[]",
            b"null",
            b'"x"',
            b"k8s\x00",
            b"k8s\x00\x0a\x05\x0a\x02v1\x12\x00",
            b"a: &a [*a]",
            b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}',
            b"{" * 2000,
            b"\xff\xfe",
            b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"c"}]}}',
            b"k8s\x00" + b"\xff" * 40,
            b"- a\n- b",
            b"!!binary x",
            b'{"metadata":{"name":"\\ud800"}}',
        ]
    ),
)
methods = st.sampled_from(
    ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"]
)


def check(status: int, answer: bytes) -> None:
    assert status < 500 or (status == 504 and b"Too large resource version" in answer), answer


@fuzzed
@given(
    method=methods,
    parts=st.lists(segments, max_size=8),
    query=queries,
    sent=headers,
    body=bodies,
)
@example("GET", ["api", "v1", "pods"], "watch=1&timeoutSeconds=1&allowWatchBookmarks=1", {}, None)
def test_odd_requests(
    server: ServerThread,
    method: str,
    parts: list[str],
    query: str,
    sent: dict[str, str],
    body: bytes | None,
) -> None:
    """Any path, query, headers and body."""
    if "watch=1" in query and "timeoutSeconds" not in query:
        query += "&timeoutSeconds=1"
    path = "/" + "/".join(parts) + (f"?{query}" if query else "")
    if "watch" in parts and "timeoutSeconds" not in query:
        path += ("&" if query else "?") + "timeoutSeconds=1"
    note(f"{method} {path} {sent} {body!r}")
    check(*server.ask(method, path, sent, body))


bases = st.sampled_from(
    [
        "/api/v1/namespaces",
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/configmaps",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/authorization.k8s.io/v1/subjectaccessreviews",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
        "/api/v1/namespaces/default/pods/x/eviction",
        "/apis/serving.knative.dev/v1/namespaces/default/services",
        "/api/v1/namespaces/x/serviceaccounts/y/token",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/api/v1/namespaces/default/events",
    ]
)


@fuzzed
@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE"]),
    base=bases,
    name=st.sampled_from(["", "/x", "/default", "/x/status", "/x/scale", "/default/finalize"]),
    sent=headers,
    body=bodies,
)
def test_odd_writes(
    server: ServerThread,
    method: str,
    base: str,
    name: str,
    sent: dict[str, str],
    body: bytes | None,
) -> None:
    """Bodies of any kind where objects are expected."""
    note(f"{method} {base}{name} {sent} {body!r}")
    check(*server.ask(method, base + name, sent, body))


@pytest.mark.parametrize(
    "raw",
    [
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: " + b"x" * 70_000 + b"\r\n\r\n",
        b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET http://[::1/ HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://user:pa@x:99999/api HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_what_is_not_http(server: ServerThread, raw: bytes) -> None:
    """The connection ends; the next one is served."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    answer = b""
    with suppress(TimeoutError, ConnectionError):  # it may end before all was said
        connection.sock.sendall(raw)
        connection.sock.settimeout(1)
        answer = connection.sock.recv(100)
    connection.close()

    assert b" 500 " not in answer
    assert server.ask("GET", "/livez", {}, None) == (200, b"ok")


VERSION = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /api/v1/namespaces HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"Content-Length: 0\r\nContent-Length: 43\r\n\r\n" + VERSION,
        POST + b"Content-Length: 43\r\nContent-Length: 0\r\n\r\n" + VERSION,
        POST + b"Content-Length: +0\r\n\r\n" + VERSION,
        POST + b"Content-Length: 0x0\r\n\r\n" + VERSION,
        POST + b"Content-Length: 0, 43\r\n\r\n" + VERSION,
        POST + b"Content-Length : 0\r\n\r\n" + VERSION,
        POST + b"Content-Length\t: 0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + VERSION,
        POST + b"A: b\r\n Content-Length: 43\r\n\r\n" + VERSION,
        POST + b"A: b\x00c\r\n\r\n" + VERSION,
        POST + b"A: b\rContent-Length: 43\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked\r\n\r\n0_0\r\n\r\n" + VERSION,
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxGET\r\n0\r\n\r\n" + VERSION,
    ],
)
def test_no_request_hides_in_the_body_of_another(server: ServerThread, raw: bytes) -> None:
    """Where two readers might see different ends of a request, the connection ends."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    answer = b""
    with suppress(TimeoutError, ConnectionError):
        connection.sock.sendall(raw)
        connection.sock.settimeout(1)
        while chunk := connection.sock.recv(10_000):
            answer += chunk
    connection.close()

    assert b" 500 " not in answer
    assert b"gitVersion" not in answer
    assert server.ask("GET", "/livez", {}, None) == (200, b"ok")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", b" 404 "),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", b" 404 "),
        (b"GET http://elsewhere/version HTTP/1.1\r\nHost: x\r\n\r\n", b" 200 "),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b" 400 "),
        (
            b"GET /version HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
            b" 200 ",
        ),
        (b"GET /version HTTP/1.1\r\nHost: x\r\nExpect: 999-what\r\n\r\n", b" 4"),
        (b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", b" 400 "),
    ],
)
def test_odd_but_clear_requests(server: ServerThread, raw: bytes, status: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.connect()
    with suppress(TimeoutError, ConnectionError):
        connection.sock.sendall(raw)
        answer = connection.sock.recv(10_000)
    connection.close()

    assert status in answer.partition(b"\r\n")[0]
