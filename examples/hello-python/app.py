"""Answers every request with a greeting.

Kept to what loads fast: the process listens some ten milliseconds after it was started, and that is
what a request to a sleeping service waits for.
"""

import _signal
import _socket
import _thread
import os

BODY = f"Hello {os.environ.get('TARGET', 'World')}!\n".encode()
HEAD = (
    f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {len(BODY)}\r\n"
)
KEEP_ALIVE = f"{HEAD}\r\n".encode()
ENDS_CONNECTION = (b" http/1.0", b"\r\nconnection: close", b"\r\ntransfer-encoding:")
CLOSE = f"{HEAD}Connection: close\r\n\r\n".encode()


def answer(connection):
    """Read requests from one connection until it ends."""
    pending = b""
    try:
        while chunk := connection.recv(65536):
            pending += chunk
            while b"\r\n\r\n" in pending:
                head, _, pending = pending.partition(b"\r\n\r\n")
                fields = head.lower()
                length = fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
                missing = int(length or 0) - len(pending)
                pending = pending[int(length or 0) :]
                while missing > 0 and (body := connection.recv(65536)):
                    missing -= len(body)
                last = any(mark in fields for mark in ENDS_CONNECTION)
                start = CLOSE if last else KEEP_ALIVE
                connection.sendall(start if head.startswith(b"HEAD ") else start + BODY)
                if last:
                    return
    except (OSError, ValueError):
        pass  # the caller went away, or does not speak HTTP
    finally:
        connection.close()


def main():
    """Listen on $PORT and give each connection a thread."""
    _signal.signal(_signal.SIGTERM, lambda *_: os._exit(0))
    listener = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    listener.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(os.environ.get("PORT", "8080"))))
    listener.listen(1024)
    print("listening", flush=True)
    while True:
        descriptor, _ = listener._accept()  # noqa: SLF001 - all there is below socket.py
        connection = _socket.socket(fileno=descriptor)
        connection.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
        _thread.start_new_thread(answer, (connection,))


main()
