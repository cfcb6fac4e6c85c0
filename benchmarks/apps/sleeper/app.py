"""Answers each request after 50 ms: as many requests are in flight as there are clients."""

import os
import socket
import threading
import time

BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nHello\n"


def answer(connection):
    """Answer requests without bodies until the caller goes away."""
    pending = b""
    with connection:
        while chunk := connection.recv(65536):
            pending += chunk
            while b"\r\n\r\n" in pending:
                pending = pending.partition(b"\r\n\r\n")[2]
                time.sleep(0.05)
                connection.sendall(BODY)


listener = socket.create_server(("0.0.0.0", int(os.environ["PORT"])), backlog=1024)
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
