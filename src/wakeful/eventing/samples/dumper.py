"""message-dumper: prints every request as it arrived, as Knative's samples of 2018 did."""

from __future__ import annotations

import sys
import time

from wakeful.eventing.samples.httpd import Request, Response, serve


def _title(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def handle(request: Request) -> Response:
    """Print the request, header by header."""
    stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime())
    lines = [
        f"{stamp} Message Dumper received a message: {request.method} {request.target} HTTP/1.1"
    ]
    headers = dict(request.headers)
    lines.append(f"Host: {headers.pop('host', '')}")
    lines += [f"{_title(name)}: {value}" for name, value in sorted(headers.items())]
    text = "\n".join(lines) + "\n\n" + request.body.decode("utf-8", "replace") + "\n"
    sys.stdout.write(text)
    sys.stdout.flush()
    return Response(200)


def main() -> None:
    """Run until told to end."""
    serve(handle)
