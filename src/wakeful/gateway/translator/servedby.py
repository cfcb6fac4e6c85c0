"""Which instance served a request, for lines about requests.

Endpoints carry the name and the address of their Pod. An entrance that sent a request to the gate
does not know where it went from there, so the gate says it in two headers of the response, which
the entrance takes off again. Both happens only while requests are logged. A connection that is
older than that passes the headers on to its client until it is renewed.
"""

from __future__ import annotations

from envoy.config.core.v3 import base_pb2
from envoy.extensions.filters.http.header_to_metadata.v3 import header_to_metadata_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import (
    http_connection_manager_pb2 as hcm_pb2,
)

from wakeful.gateway.plan import Endpoint
from wakeful.gateway.translator._proto import any_of, set_header
from wakeful.gateway.translator.names import MARK_NAMESPACE

_POD, _IP = "pod", "ip"
_SERVED_NAMESPACE = "wakeful.served"
"""Dynamic metadata of a request that passed the gate."""
_HEADERS = {_POD: "x-wakeful-served-by", _IP: "x-wakeful-served-at"}


def mark_endpoint(metadata: base_pb2.Metadata, endpoint: Endpoint) -> None:
    """Have the endpoint's Pod known wherever the endpoint is."""
    known = {_IP: endpoint.address} | ({_POD: endpoint.pod} if endpoint.pod else {})
    metadata.filter_metadata[MARK_NAMESPACE].update(known)


def _command(key: str) -> str:
    """One of the two says something: the gate's own endpoint has neither name nor address."""
    upstream = f"%UPSTREAM_METADATA({MARK_NAMESPACE}:{key})%"
    return f"{upstream}%DYNAMIC_METADATA({_SERVED_NAMESPACE}:{key})%"


POD_NAME, POD_IP = _command(_POD), _command(_IP)
"""For the access log of an entrance."""


def tell_who_served() -> list[base_pb2.HeaderValueOption]:
    """The headers of the gate's responses."""
    headers = [set_header(name, "") for name in _HEADERS.values()]
    for option, key in zip(headers, _HEADERS, strict=True):
        option.header.value = f"%UPSTREAM_METADATA({MARK_NAMESPACE}:{key})%"
    return headers


def learn_who_served() -> hcm_pb2.HttpFilter:
    """The filter of an entrance that takes them off, and remembers them for its log."""
    config = header_to_metadata_pb2.Config
    rules = [
        config.Rule(
            header=header,
            on_header_present=config.KeyValuePair(metadata_namespace=_SERVED_NAMESPACE, key=key),
            remove=True,
        )
        for key, header in _HEADERS.items()
    ]
    return hcm_pb2.HttpFilter(
        name="envoy.filters.http.header_to_metadata",
        typed_config=any_of(config(response_rules=rules)),
    )
