"""The API server's wire: HTTPS, content negotiation, discovery, watch streams.

Not for semantics: whatever holds without HTTP too is in ``registry``.
"""

from wakeful.apiserver.http.app import HTTPApplication, RawHandler, StreamHandler
from wakeful.apiserver.http.component import ApiServerComponent

__all__ = ["ApiServerComponent", "HTTPApplication", "RawHandler", "StreamHandler"]
