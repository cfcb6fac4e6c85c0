"""Which build of this platform carried a run out, as Tekton notes it: seven digits of a commit."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution

import orjson

from wakeful import __version__

_DIGITS = 7


@cache
def release() -> str:
    """The commit that was installed, where pip knows it; else what stands for the version."""
    try:
        origin = orjson.loads(distribution("wakeful").read_text("direct_url.json") or "{}")
        commit = str(origin.get("vcs_info", {}).get("commit_id", ""))
    except (PackageNotFoundError, ValueError, AttributeError):
        commit = ""
    commit = commit or hashlib.sha256(__version__.encode()).hexdigest()
    return commit[:_DIGITS]
