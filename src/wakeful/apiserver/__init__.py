"""Kubernetes' REST semantics over the store, and the server that speaks them.

``registry`` holds the semantics apart from HTTP, ``http`` the wire, ``auth`` who may do what,
``streams`` logs, exec and port-forward. Not for controllers: what happens after a write is theirs.
"""

from wakeful.apiserver.admission import AdmissionHook, AdmissionRequest, ObjectReader
from wakeful.apiserver.protocols import (
    AccessAttributes,
    AllowAll,
    Authorizer,
    Decision,
    ExecOptions,
    ExecSession,
    LogOptions,
    NodeConnector,
    PodRef,
    TokenIssuer,
)
from wakeful.apiserver.registry.core import APIServer
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.transport import InProcessTransport

__all__ = [
    "APIServer",
    "AccessAttributes",
    "AdmissionHook",
    "AdmissionRequest",
    "AllowAll",
    "Authorizer",
    "Decision",
    "ExecOptions",
    "ExecSession",
    "InProcessTransport",
    "LogOptions",
    "NodeConnector",
    "ObjectReader",
    "PodRef",
    "Response",
    "TokenIssuer",
]
