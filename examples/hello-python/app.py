"""Answers every request with a greeting; `/?sleep=100` takes a hundred milliseconds for it.

Kept to modules that load fast: the process listens a few milliseconds after it was started, and
that is what a request to a sleeping service waits for.
"""

import os
import signal
import socket
import threading
import time

GREETING = f"Hello {os.environ.get('TARGET', 'World')}!\n".encode()


def main():
    """Listen on $PORT and give each connection a thread."""
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(os.environ.get("PORT", "8080"))))
    listener.listen(1024)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def serve(connection):
    """Answer the requests of one connection until it ends."""
    pending = b""
    try:
        while chunk := connection.recv(65536):
            pending += chunk
            while b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                pending = skip_body(connection, head, pending)
                last = wants_close(head)
                time.sleep(seconds_asked_for(head))
                connection.sendall(answer(head, last))
                if last:
                    return
    except (OSError, ValueError):
        pass  # the caller went away, or does not speak HTTP
    finally:
        connection.close()


def skip_body(connection, head, pending):
    """Read what the request sent along; return what belongs to the next one."""
    length = int(field(head, b"content-length") or 0)
    while len(pending) < length and (chunk := connection.recv(65536)):
        pending += chunk
    return pending[length:]


def wants_close(head):
    """Whether the caller will send nothing more on this connection."""
    return field(head, b"connection").lower() == b"close" or b" HTTP/1.0\r\n" in head + b"\r\n"


def seconds_asked_for(head):
    """`sleep=MILLISECONDS` of the query."""
    path = head.split(b" ", 2)[1]
    value = path.partition(b"sleep=")[2].partition(b"&")[0]
    return min(int(value or 0), 60_000) / 1000


def field(head, name):
    """The value of a header field, empty when it is missing."""
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def answer(head, last):
    """The response to a request."""
    lines = [b"HTTP/1.1 200 OK", b"Content-Type: text/plain; charset=utf-8"]
    lines.append(b"Content-Length: %d" % len(GREETING))
    if last:
        lines.append(b"Connection: close")
    body = b"" if head.startswith(b"HEAD ") else GREETING
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


main()
