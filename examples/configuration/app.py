"""Answers with what it was configured with: two variables and two files."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Reads the files anew for each request: they follow the ConfigMap while the program runs."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        motto = Path("/etc/greeting/motto").read_text().strip()
        key = Path("/etc/credentials/key").read_text().strip()
        lines = [
            f"greeting  {os.environ['GREETING']}",
            f"user      {os.environ['DB_USER']}",
            f"motto     {motto}",
            f"key       {len(key)} characters, not shown",
        ]
        body = "".join(f"{line}\n" for line in lines).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
