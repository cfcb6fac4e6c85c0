"""The ping service of the book: unary and streaming, over HTTP/2 without TLS.

Whoever builds it puts the gRPC library beside it.
"""

import os
import signal
import threading
import time
from concurrent import futures

import grpc

INSTANCE = os.urandom(6).hex()


def ping(request, context):
    """Answer a message; `sleep=SECONDS` in front of it takes so long."""
    if request.startswith(b"sleep="):
        time.sleep(float(request[6:]))
    if request == b"fail":
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "asked to fail")
    context.set_trailing_metadata((("instance", INSTANCE),))
    return request + b" - pong"


def ping_stream(requests, _context):
    """Answer each message as it comes."""
    for request in requests:
        yield request + b" - pong"


class Ping(grpc.GenericRpcHandler):
    """Both methods, without generated code: the messages are plain bytes."""

    def service(self, details):
        if details.method == "/ping.PingService/Ping":
            return grpc.unary_unary_rpc_method_handler(ping)
        if details.method == "/ping.PingService/PingStream":
            return grpc.stream_stream_rpc_method_handler(ping_stream)
        return None


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64))
    server.add_generic_rpc_handlers((Ping(),))
    server.add_insecure_port(f"0.0.0.0:{os.environ['PORT']}")
    server.start()
    print("listening", flush=True)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    server.stop(grace=5).wait()


main()
