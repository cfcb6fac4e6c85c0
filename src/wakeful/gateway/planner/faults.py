"""What Envoy would refuse, found before it is told. Pure.

One bad table would hold up everybody's.
"""

from __future__ import annotations

import re

from wakeful.gateway.plan import Header, RouteTable

_HOST = re.compile(r"(\*|(\*\.)?[a-zA-Z0-9_]([a-zA-Z0-9_.-]*[a-zA-Z0-9_])?\.?)")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_OWN_HEADERS = ("host", ":")


def find_fault(table: RouteTable) -> str:
    """Describe the first thing that cannot be served; empty when all of it can."""
    for rule in table.rules:
        for host in rule.hosts:
            if not _HOST.fullmatch(host):
                return f'"{host}" is not a host name.'
        for route in rule.routes:
            if not route.path.startswith("/") or _CONTROL.search(route.path):
                return f'"{route.path}" is not an absolute path.'
            if _CONTROL.search(route.rewrite_host):
                return f'"{route.rewrite_host}" is not a host name.'
            headers = [*route.headers, *route.append_headers]
            for split in route.splits:
                headers += split.append_headers
            for header in headers:
                if fault := _header_fault(header):
                    return fault
    return ""


def _header_fault(header: Header) -> str:
    name, value = header
    if not _HEADER_NAME.fullmatch(name) or name.lower().startswith(_OWN_HEADERS):
        return f'"{name}" is not a header that can be set.'
    if _CONTROL.search(value):
        return f'The value of header "{name}" has control characters.'
    return ""
