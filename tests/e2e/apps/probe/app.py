"""A service that does what the test asks for: it answers, waits, streams, looks around and ends.

Kept to modules that load fast, and to threads: one for each connection.

Environment: TARGET (whom to greet), START_DELAY (seconds until it listens), EXIT_AT_START (ends at
once with this code), SAY (printed first).
"""

import json
import os
import signal
import socket
import sys
import threading
import time

WS_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

lock = threading.Lock()
state = {"now": 0, "most": 0, "served": 0, "healthy": True, "alive": True}
instance = os.urandom(6).hex()


def main():
    if said := os.environ.get("SAY"):
        print(said, flush=True)
    if code := os.environ.get("EXIT_AT_START"):
        sys.exit(int(code))
    time.sleep(float(os.environ.get("START_DELAY", "0")))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(os.environ.get("LISTEN") or os.environ.get("PORT", "8080"))))
    listener.listen(1024)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


class Request:
    """One request as it is read from a connection."""

    def __init__(self, file, connection):
        line = file.readline().split()
        if len(line) != 3:
            raise EOFError
        self.file, self.connection = file, connection
        self.method, target = line[0].decode(), line[1].decode()
        self.path, _, query = target.partition("?")
        self.query = dict(p.partition("=")[::2] for p in query.split("&") if p)
        self.headers, self.trailers = {}, []
        while (field := file.readline().rstrip(b"\r\n")) != b"":
            name, _, value = field.partition(b":")
            self.headers[name.decode().lower()] = value.strip().decode()
        self.rest = int(self.headers.get("content-length", 0))
        self.chunked = "chunked" in self.headers.get("transfer-encoding", "")

    def pieces(self):
        """The body, piece by piece."""
        while self.chunked:
            size = int(self.file.readline().split(b";")[0], 16)
            data = self.file.read(size)
            if not size:
                self.chunked = False
                while field := self.file.readline().rstrip(b"\r\n"):
                    self.trailers.append(field.decode())
                return
            self.file.readline()
            yield data
        while self.rest:
            data = self.file.read(min(self.rest, 65536))
            if not data:
                raise EOFError
            self.rest -= len(data)
            yield data

    def body(self):
        return b"".join(self.pieces())

    def number(self, name, default=0):
        return float(self.query.get(name, default))

    def text(self, name):
        return self.query[name].replace("%2F", "/").replace("%3A", ":")


def serve(connection):
    try:
        with connection, connection.makefile("rb", 65536) as file:
            while True:
                request = Request(file, connection)
                with lock:
                    state["now"] += 1
                    state["most"] = max(state["most"], state["now"])
                    most = state["now"]
                try:
                    if request.headers.get("upgrade", "").lower() == "websocket":
                        websocket(request)
                        return
                    answer(request, most)
                finally:
                    with lock:
                        state["now"] -= 1
                        state["served"] += 1
                for _ in request.pieces():
                    pass
                if request.headers.get("connection", "").lower() == "close":
                    return
    except (OSError, EOFError, ValueError):
        pass  # the caller went away


def answer(request, most):
    handler = HANDLERS.get(request.path)
    if handler is not None:
        handler(request)
        return
    if request.query.get("body"):
        request.body()
    time.sleep(request.number("sleep") / 1000)
    greeting = f"Hello {os.environ.get('TARGET', 'World')}!\n"
    if resource := os.environ.get("RESOURCE"):  # the book's rest-api
        greeting = f"Welcome to the {resource} app! \n"
    reply(request, greeting, headers={"X-Instance": instance, "X-Together": most})


def reply(request, body, status=200, headers=None):
    data = body if isinstance(body, bytes) else body.encode()
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(data)}"]
    head += [f"{k}: {v}" for k, v in (headers or {}).items()]
    text = ("\r\n".join(head) + "\r\n\r\n").encode()
    request.connection.sendall(text if request.method == "HEAD" else text + data)


def trailers(request):
    """The trailers of the request, in the body and as one of the response."""
    request.body()
    said = ", ".join(request.trailers)
    head = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\nTrailer: X-Said\r\n\r\n"
    data = said.encode()
    body = b"%x\r\n%s\r\n" % (len(data), data) if data else b""
    tail = f"0\r\nX-Said: {said}\r\n\r\n".encode()
    request.connection.sendall(head.encode() + body + tail)


def reply_json(request, value):
    reply(request, json.dumps(value), headers={"Content-Type": "application/json"})


def info(request):
    """All that can be seen from inside."""
    with open("/proc/self/status") as status:
        ids = {k: v.split() for k, _, v in (line.partition(":") for line in status)}
    reply_json(
        request,
        {
            "env": dict(os.environ),
            "args": sys.argv[1:],
            "cwd": os.getcwd(),
            "uid": os.getuid(),
            "gid": os.getgid(),
            "groups": os.getgroups(),
            "no_new_privs": ids["NoNewPrivs"][0],
            "caps": ids["CapEff"][0],
            "headers": request.headers,
            "method": request.method,
            "instance": instance,
            "now": state["now"],
            "most": state["most"],
            "served": state["served"],
            "stdin": os.read(0, 1).decode() if request.query.get("stdin") else None,
        },
    )


def file(request):
    """What is at a path: kind, mode, link target, content; POST writes."""
    path = request.text("path")
    try:
        if request.method == "POST":
            with open(path, "wb") as out:
                out.write(request.body())
        found = os.lstat(path)
        value = {"mode": oct(found.st_mode), "uid": found.st_uid}
        if os.path.islink(path):
            value["link"] = os.readlink(path)
        if os.path.isdir(path):
            value["entries"] = sorted(os.listdir(path))
        elif request.query.get("content", "1") == "1" and os.path.isfile(path):
            with open(path, "rb") as content:
                value["content"] = content.read(65536).decode(errors="replace")
    except OSError as err:
        value = {"error": type(err).__name__, "text": str(err)}
    reply_json(request, value)


def count(request):
    """How many bytes the body had, and whether they were all the same."""
    total, seen = 0, set()
    for data in request.pieces():
        total += len(data)
        seen.update(data[:1] + data[-1:])
    reply_json(request, {"bytes": total, "values": sorted(seen)})


def big(request):
    """As many bytes as wanted."""
    left = int(request.number("bytes"))
    request.connection.sendall(f"HTTP/1.1 200 X\r\nContent-Length: {left}\r\n\r\n".encode())
    block = b"x" * 65536
    while left:
        left -= request.connection.send(block[: min(left, len(block))])


def stream(request):
    """Lines with gaps between them; `first` milliseconds before the headers."""
    time.sleep(request.number("first") / 1000)
    kind = "text/event-stream" if request.query.get("sse") else "text/plain"
    head = f"HTTP/1.1 200 X\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
    request.connection.sendall(head.encode())
    for number in range(int(request.number("n", 3))):
        if number:
            time.sleep(request.number("gap", 100) / 1000)
        line = f"data: {number}\n\n".encode()
        request.connection.sendall(b"%x\r\n%s\r\n" % (len(line), line))
    request.connection.sendall(b"0\r\n\r\n")


def call(request):
    """Fetch another address and hand back what it said."""
    host, port = request.text("host"), int(request.number("port", 80))
    connect = request.query.get("connect", host)
    try:
        with socket.create_connection((connect, port), timeout=10) as peer:
            path = request.query.get("to", "/").replace("%2F", "/")
            head = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            peer.sendall(head.encode())
            got = b""
            while data := peer.recv(65536):
                got += data
        head, _, body = got.partition(b"\r\n\r\n")
        reply_json(request, {"status": int(head.split()[1]), "body": body.decode()})
    except OSError as err:
        reply_json(request, {"status": 0, "body": f"{type(err).__name__}: {err}"})


def allocate(request):
    """Touch as many megabytes as wanted and let them go."""
    block = bytearray(int(request.number("mb")) << 20)
    block[::4096] = b"x" * len(block[::4096])
    reply(request, f"{len(block) >> 20}\n")


def burn(request):
    """Keep a core busy."""
    end = time.monotonic() + request.number("ms") / 1000
    while time.monotonic() < end:
        pass
    reply(request, "done\n")


def leave(request):
    code = int(request.number("code"))
    reply(request, "bye\n")
    os._exit(code)


def switch(request):
    """Turn a health answer on or off, here only."""
    state.update({name: value == "1" for name, value in request.query.items()})
    reply(request, instance)


def ready(request):
    reply(request, "", 200 if state["healthy"] else 503)


def alive(request):
    reply(request, "", 200 if state["alive"] else 500)


def websocket(request):
    """Send every message back; the first one tells who answers."""
    import base64
    import hashlib

    key = request.headers["sec-websocket-key"].encode() + WS_KEY
    accept = base64.b64encode(hashlib.sha1(key).digest()).decode()
    request.connection.sendall(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
    )
    send(request.connection, 1, f"{os.environ.get('TARGET', 'World')} {instance}".encode())
    while True:
        first, second = request.file.read(2)
        size = second & 127
        if size == 126:
            size = int.from_bytes(request.file.read(2), "big")
        elif size == 127:
            size = int.from_bytes(request.file.read(8), "big")
        mask = request.file.read(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(request.file.read(size)))
        send(request.connection, first & 15, data)
        if first & 15 == 8:
            return


def send(connection, opcode, data):
    size = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
    connection.sendall(bytes([128 | opcode]) + size + data)


HANDLERS = {
    "/info": info,
    "/file": file,
    "/count": count,
    "/big": big,
    "/stream": stream,
    "/trailers": trailers,
    "/call": call,
    "/allocate": allocate,
    "/burn": burn,
    "/exit": leave,
    "/switch": switch,
    "/ready": ready,
    "/alive": alive,
}

main()
