"""A server behind a slow import, which tells when what happened; ``/exit`` ends it with code 3."""

import json
import os
import socket
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import slow

begun_at = time.time()
print(f"begins on {socket.gethostname()}", flush=True)


class Handler(BaseHTTPRequestHandler):
    """Says what can be seen from inside."""

    def do_GET(self):
        """Any path but one."""
        if self.path == "/exit":
            os._exit(3)
        seen = {
            "hostname": socket.gethostname(),
            "env": dict(os.environ),
            "argv": sys.argv,
            "imported_at": slow.imported_at,
            "begun_at": begun_at,
        }
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Stay silent."""


ThreadingHTTPServer.request_queue_size = 1024  # five are not many when all come at once
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
