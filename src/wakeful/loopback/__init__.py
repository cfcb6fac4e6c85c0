"""HTTP servers of the platform itself on this machine's loopback, to which the gateway leads.

Not for what clients reach directly: the API server listens by itself.
"""

from wakeful.loopback.server import Handler, serving

__all__ = ["Handler", "serving"]
