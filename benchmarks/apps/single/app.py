"""Takes 200 ms for a request, and says how long it was and how many came while another ran."""

import os
import socket
import threading
import time

SECONDS = 0.2
ANSWER = (
    b"HTTP/1.1 200 OK\r\nX-Instance: %s\r\nX-Seconds: %.6f\r\nX-Overlaps: %d\r\n"
    b"Content-Length: 6\r\n\r\nHello\n"
)
NAME = socket.gethostname().encode()
lock = threading.Lock()
running = 0
overlaps = 0


def take():
    """Count one in."""
    global running, overlaps
    with lock:
        overlaps += running > 0
        running += 1


def give():
    """Count one out."""
    global running
    with lock:
        running -= 1


def answer(connection):
    """Answer requests without bodies until the caller goes away."""
    pending = b""
    with connection:
        while chunk := connection.recv(65536):
            begun = time.perf_counter()
            pending += chunk
            while b"\r\n\r\n" in pending:
                pending = pending.partition(b"\r\n\r\n")[2]
                take()
                time.sleep(max(0.0, begun + SECONDS - time.perf_counter()))
                give()
                took = time.perf_counter() - begun
                connection.sendall(ANSWER % (NAME, took, overlaps))


listener = socket.create_server(("0.0.0.0", int(os.environ["PORT"])), backlog=1024)
while True:
    threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()
