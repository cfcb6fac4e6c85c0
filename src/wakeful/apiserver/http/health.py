"""Paths that are no resources: health, version, and the list of paths."""

from __future__ import annotations

import platform
from collections.abc import Mapping

import orjson
from aiohttp import web

import wakeful

OPEN_PATHS = frozenset({"healthz", "livez", "readyz", "version"})
"""First segments anybody may read."""

KUBERNETES_VERSION = "1.34.0"
"""Whose behaviour is offered; clients compare it with what they need."""


_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def version_info() -> dict[str, str]:
    """The body of ``/version``."""
    major, minor, _ = KUBERNETES_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "gitVersion": f"v{KUBERNETES_VERSION}+wakeful-{wakeful.__version__}",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "go1.24.0",
        "compiler": "gc",
        "platform": f"linux/{_ARCHITECTURES.get(platform.machine(), platform.machine())}",
    }


def health(request: web.Request, name: str, checks: Mapping[str, bool]) -> web.Response:
    """``/healthz``, ``/livez`` and ``/readyz``; ``checks`` are those of the last one, by name."""
    found = {"ping": True, **(checks if name == "readyz" else {})}
    lines = [
        f"[+]{check} ok" if fine else f"[-]{check} failed: reason withheld"
        for check, fine in found.items()
    ]
    if not all(found.values()):
        return web.Response(text="\n".join([*lines, f"{name} check failed", ""]), status=500)
    if "verbose" in request.query:
        return web.Response(text="\n".join([*lines, f"{name} check passed", ""]))
    return web.Response(text="ok")


def json_response(data: object, code: int = 200) -> web.Response:
    """Plain JSON."""
    return web.Response(body=orjson.dumps(data), status=code, content_type="application/json")


def not_found() -> web.Response:
    """What unknown paths are answered."""
    return web.Response(text="404 page not found\n", status=404)
