"""The tables of services and endpoints."""

from __future__ import annotations

from datetime import datetime

from wakeful.apimachinery.scheme import AGE, Column
from wakeful.apis.core.cells import NONE, Wire, dig, joined, pairs, text
from wakeful.apis.core.service_types import EXTERNAL_NAME, LOAD_BALANCER

_SHOWN_ENDPOINTS = 3


def _external_ip(obj: Wire, now: datetime) -> str:
    kind, declared = dig(obj, "spec", "type"), dig(obj, "spec", "externalIPs", default=[])
    if kind == EXTERNAL_NAME:
        return str(dig(obj, "spec", "externalName") or NONE)
    if kind == LOAD_BALANCER:
        ingress = dig(obj, "status", "loadBalancer", "ingress", default=[])
        given = [i.get("ip") or i.get("hostname") or "" for i in ingress]
        return ",".join([*given, *declared]) or "<pending>"
    return joined(declared)


def _ports(obj: Wire, now: datetime) -> str:
    return joined(
        f"{p.get('port', 0)}{':' + str(p['nodePort']) if p.get('nodePort') else ''}"
        f"/{p.get('protocol', 'TCP')}"
        for p in dig(obj, "spec", "ports", default=[])
    )


def _selector(obj: Wire, now: datetime) -> str:
    return pairs(dig(obj, "spec", "selector"))


def _endpoints(obj: Wire, now: datetime) -> str:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [a.get("ip", "") for a in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found += addresses
        found += [f"{ip}:{p.get('port', 0)}" for p in ports for ip in addresses]
    if len(found) > _SHOWN_ENDPOINTS:
        rest = len(found) - _SHOWN_ENDPOINTS
        return f"{','.join(found[:_SHOWN_ENDPOINTS])} + {rest} more..."
    return joined(found)


SERVICE_COLUMNS = (
    Column("Type", text("spec", "type")),
    Column("Cluster-IP", text("spec", "clusterIP")),
    Column("External-IP", _external_ip),
    Column("Port(s)", _ports),
    AGE,
    Column("Selector", _selector, wide=True),
)
ENDPOINTS_COLUMNS = (Column("Endpoints", _endpoints), AGE)
