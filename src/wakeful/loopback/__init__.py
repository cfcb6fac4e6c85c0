"""HTTP servers of the platform itself on this machine's loopback, to which the gateway leads.

Not for what clients reach directly: the API server listens by itself, in the same manner. Ports
that are kept from start to start, whoever listens there, are chosen here as well.
"""

from wakeful.loopback.ports import choose_port, is_free
from wakeful.loopback.server import Handler, make_runner, serving

__all__ = ["Handler", "choose_port", "is_free", "make_runner", "serving"]
