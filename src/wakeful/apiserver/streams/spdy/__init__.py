"""SPDY/3.1, as far as Kubernetes clients speak it: streams both ways over one connection.

Not for HTTP: requests and responses of SPDY itself are not here.
"""

from wakeful.apiserver.streams.spdy.connection import SPDYConnection, SPDYStream
from wakeful.apiserver.streams.spdy.frames import SPDYError

__all__ = ["SPDYConnection", "SPDYError", "SPDYStream"]
