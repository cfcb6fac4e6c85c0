"""Whether a text can name an image, judged as leniently as registries' own clients do."""

from __future__ import annotations

import re

_REPOSITORY = re.compile(r"[a-z0-9_./-]{2,255}")
_TAG = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


def image_fault(image: str) -> str:
    """Why ``image`` is no reference; empty when it is one."""
    name, at, digest = image.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        return f"could not parse reference: {image}"
    host, rest = "", name
    first, slash, remainder = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, rest = first, remainder
    repository, colon, tag = rest.partition(":")
    if (
        (host and not _HOST.fullmatch(host))
        or not _REPOSITORY.fullmatch(repository)
        or (colon and not _TAG.fullmatch(tag))
    ):
        return f"could not parse reference: {image}"
    return ""
