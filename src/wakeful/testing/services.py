"""Knative Services of a running platform: writing them, waiting for them, asking them."""

from __future__ import annotations

import base64
import http.client
import json
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from wakeful.testing.platform import Answer, Platform, until

PROBE_IMAGE = "dev.local/e2e/probe"
GRPC_IMAGE = "dev.local/e2e/grpc"

FAST = {"autoscaling.knative.dev/window": "6s"}
AWAKE = {"autoscaling.knative.dev/min-scale": "1"}


def a_service(
    name: str,
    *,
    container: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    template_labels: Mapping[str, str] | None = None,
    revision: str | None = None,
    traffic: Sequence[Mapping[str, Any]] | None = None,
    labels: Mapping[str, str] | None = None,
    service_annotations: Mapping[str, str] | None = None,
    version: str = "v1",
    **spec: Any,
) -> dict[str, Any]:
    """A Service of the probe application; ``spec`` is the rest of the revision's."""
    main: dict[str, Any] = {"image": PROBE_IMAGE, **(container or {})}
    if env:
        main["env"] = [
            *main.get("env", ()),
            *({"name": key, "value": value} for key, value in env.items()),
        ]
    template: dict[str, Any] = {"metadata": {}, "spec": {"containers": [main], **spec}}
    if revision:
        template["metadata"]["name"] = revision
    if annotations:
        template["metadata"]["annotations"] = dict(annotations)
    if template_labels:
        template["metadata"]["labels"] = dict(template_labels)
    service: dict[str, Any] = {
        "apiVersion": f"serving.knative.dev/{version}",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": template},
    }
    if labels:
        service["metadata"]["labels"] = dict(labels)
    if service_annotations:
        service["metadata"]["annotations"] = dict(service_annotations)
    if traffic is not None:
        service["spec"]["traffic"] = [dict(target) for target in traffic]
    return service


@dataclass(frozen=True)
class Reply:
    """What a service answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Namespace:
    """A namespace of a running platform, and the services in it."""

    platform: Platform
    name: str

    def kubectl(self, *args: str, **options: Any) -> Answer:
        """Run kubectl in this namespace."""
        return self.platform.kubectl("-n", self.name, *args, **options)

    def get(self, *args: str) -> Any:
        """Read with ``kubectl get -o json``."""
        return self.platform.get("-n", self.name, *args)

    def apply(self, *objects: Mapping[str, Any], check: bool = True) -> Answer:
        """Apply all of these with one command."""
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)})
        return self.kubectl("apply", "-f", "-", stdin=text, check=check)

    def ready(self, *names: str, seconds: int = 120) -> None:
        """Wait until these services have made their last change work."""
        services = [f"ksvc/{name}" for name in names]
        self.kubectl(
            "wait",
            *services,
            "--for=condition=Ready",
            f"--timeout={seconds}s",
            timeout=seconds + 10,
        )

    def host(self, name: str, tag: str = "") -> str:
        """The host name of a service, or of one of its tags."""
        return f"{tag}-{name}.{self.name}.localhost" if tag else f"{name}.{self.name}.localhost"

    def url(self, name: str, tag: str = "") -> str:
        """The URL of a service, or of one of its tags."""
        port = self.address.rpartition(":")[2]
        return f"http://{self.host(name, tag)}:{port}"

    def ask(
        self,
        name: str,
        path: str = "/",
        *,
        tag: str = "",
        method: str = "GET",
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = 60,
    ) -> Reply:
        """Send one request on a connection of its own; ``name`` with a dot is a whole host name."""
        with closing(self.connect(timeout)) as connection:
            return send(
                connection,
                name if "." in name else self.host(name, tag),
                path,
                method=method,
                body=body,
                headers=headers,
            )

    def connect(self, timeout: float = 60) -> http.client.HTTPConnection:
        """A connection to the gateway."""
        return http.client.HTTPConnection(self.address, timeout=timeout)

    @property
    def address(self) -> str:
        """Where the gateway listens, without the scheme."""
        return self.platform.addresses["http"].removeprefix("http://")

    def pods(self, service: str, *, revision: str = "") -> list[Any]:
        """The Pods of a service that are not on their way out."""
        selector = f"serving.knative.dev/service={service}"
        if revision:
            selector += f",serving.knative.dev/revision={revision}"
        items = self.get("pods", "-l", selector)["items"]
        return [p for p in items if not p["metadata"].get("deletionTimestamp")]

    def ready_pods(self, service: str, *, revision: str = "") -> int:
        """How many instances can take requests."""
        return sum(
            condition(p, "Ready")["status"] == "True" for p in self.pods(service, revision=revision)
        )

    def asleep(self, service: str, *, seconds: float = 90) -> None:
        """Wait until a service has no instance."""
        until(lambda: not self.pods(service), seconds=seconds, what=f"{service} has no instance")


def send(
    connection: http.client.HTTPConnection,
    host: str,
    path: str = "/",
    *,
    method: str = "GET",
    body: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Send one request on an open connection and read the whole answer."""
    begun = time.monotonic()
    connection.request(method, path, body=body, headers={"Host": host, **(headers or {})})
    response = connection.getresponse()
    data = response.read()
    fields = {key.lower(): value for key, value in response.getheaders()}
    return Reply(response.status, fields, data, time.monotonic() - begun)


def condition(thing: Mapping[str, Any], kind: str = "Ready") -> dict[str, Any]:
    """A condition of an object; its status is "" while nobody has written it."""
    for found in thing.get("status", {}).get("conditions") or ():
        if found["type"] == kind:
            return dict(found)
    return {"type": kind, "status": ""}


@dataclass
class Load:
    """What the requests of some clients came to."""

    statuses: Counter[int | str] = field(default_factory=Counter)
    bodies: Counter[str] = field(default_factory=Counter)
    instances: Counter[str] = field(default_factory=Counter)
    """Who answered, as far as they tell."""
    seconds: list[float] = field(default_factory=list)
    trouble: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, reply: Reply | Exception, since: float) -> None:
        """Count one request."""
        with self._lock:
            if isinstance(reply, Exception):
                self.statuses[type(reply).__name__] += 1
                self.trouble.append(f"{time.monotonic() - since:.2f} s: {reply!r}")
                return
            self.statuses[reply.status] += 1
            self.bodies[reply.text.strip()] += 1
            self.instances[reply.headers.get("x-instance", "")] += 1
            self.seconds.append(reply.seconds)
            if reply.status != 200:
                self.trouble.append(
                    f"{time.monotonic() - since:.2f} s: {reply.status} {reply.text}"
                )

    @property
    def total(self) -> int:
        """How many requests were sent."""
        return sum(self.statuses.values())

    def check(self) -> None:
        """Every request was answered with 200."""
        assert set(self.statuses) == {200}, f"{self.statuses}; {self.trouble[:5]}"


@contextmanager
def clients(
    namespace: Namespace, name: str, number: int, path: str = "/", *, tag: str = ""
) -> Iterator[Load]:
    """So many clients at once, each sending its next request when it has its answer."""
    load, stop, since = Load(), threading.Event(), time.monotonic()
    host = name if "." in name else namespace.host(name, tag)

    def client() -> None:
        with closing(namespace.connect()) as connection:
            while not stop.is_set():
                try:
                    load.add(send(connection, host, path), since)
                except (OSError, http.client.HTTPException) as err:
                    load.add(err, since)
                    connection.close()

    with _threads([client] * number, stop):
        yield load


@contextmanager
def prober(
    namespace: Namespace, name: str, per_second: float, path: str = "/", *, workers: int = 32
) -> Iterator[Load]:
    """Requests at a steady rate, whether or not the earlier ones have been answered."""
    load, stop, since = Load(), threading.Event(), time.monotonic()
    host = name if "." in name else namespace.host(name)
    lock, sent = threading.Lock(), [0]

    def worker() -> None:
        with closing(namespace.connect()) as connection:
            while True:
                with lock:
                    due = since + sent[0] / per_second
                    sent[0] += 1
                if stop.wait(max(0.0, due - time.monotonic())):
                    return
                try:
                    load.add(send(connection, host, path), since)
                except (OSError, http.client.HTTPException) as err:
                    load.add(err, since)
                    connection.close()

    with _threads([worker] * workers, stop):
        yield load


def requests(namespace: Namespace, name: str, number: int, path: str = "/", **options: Any) -> Load:
    """So many requests, one after the other on one connection."""
    load, since = Load(), time.monotonic()
    host = name if "." in name else namespace.host(name, options.get("tag", ""))
    with closing(namespace.connect()) as connection:
        for _ in range(number):
            load.add(send(connection, host, path), since)
    return load


def at_once(namespace: Namespace, name: str, number: int, path: str = "/") -> Load:
    """So many requests at the same time, each on its own connection."""
    load, since = Load(), time.monotonic()

    def one() -> None:
        try:
            load.add(namespace.ask(name, path), since)
        except (OSError, http.client.HTTPException) as err:
            load.add(err, since)

    with _threads([one] * number, threading.Event()):
        pass
    return load


@contextmanager
def _threads(work: Sequence[Any], stop: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=target) for target in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


class WebSocket:
    """A WebSocket client for short text messages."""

    def __init__(
        self, namespace: Namespace, name: str, path: str = "/", timeout: float = 30
    ) -> None:
        host, _, port = namespace.address.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=timeout)
        self._file = self._socket.makefile("rb")
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {namespace.host(name)}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self.status = int(self._file.readline().split()[1])
        while self._file.readline().strip():
            pass

    def send(self, text: str) -> None:
        """Send one message."""
        data = text.encode()
        size = (
            bytes([128 | len(data)]) if len(data) < 126 else b"\xfe" + len(data).to_bytes(2, "big")
        )
        self._socket.sendall(b"\x81" + size + bytes(4) + data)  # a mask of zeroes

    def receive(self) -> str:
        """The next message; "" when the other side has ended."""
        try:
            head = self._file.read(2)
        except ConnectionResetError:
            return ""
        if len(head) < 2 or head[0] & 15 == 8:
            return ""
        size = head[1] & 127
        if size == 126:
            size = int.from_bytes(self._file.read(2), "big")
        return self._file.read(size).decode()

    def close(self) -> None:
        """Go away without a word."""
        self._file.close()
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
