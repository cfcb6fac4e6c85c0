"""Counts to ten, one server-sent event at a time."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Each event leaves when it happens; the response ends with the connection."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for number in range(1, 11):
            self.wfile.write(b"data: %d\n\n" % number)
            self.wfile.flush()
            time.sleep(0.2)


ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
