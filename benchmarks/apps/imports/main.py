"""A small server behind many imports: ``heavy`` is made by the benchmark beside it."""

import json
import os
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import heavy  # noqa: F401 - what it costs is the point


class Handler(BaseHTTPRequestHandler):
    """Says who answers."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Any path."""
        body = json.dumps({"host": socket.gethostname(), "pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


ThreadingHTTPServer.request_queue_size = 1024  # five are not many when all come at once
ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
