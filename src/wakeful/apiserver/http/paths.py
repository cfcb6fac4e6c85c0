"""From method and path to what is asked of which resource."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from wakeful.apimachinery.errors import BadRequestError, MethodNotAllowedError
from wakeful.apimachinery.request import Verb

_WRITES = {"POST": Verb.CREATE, "PUT": Verb.UPDATE, "PATCH": Verb.PATCH, "DELETE": Verb.DELETE}


@dataclass(frozen=True, slots=True)
class ResourcePath:
    """The parts of ``/apis/G/V/namespaces/NS/PLURAL/NAME/SUB[/REST]``."""

    group: str
    version: str
    resource: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What follows ``proxy/``."""
    watch: bool = False
    """The old ``/watch/`` prefix."""


def split_path(raw_path: str) -> list[str]:
    """Decode the segments of a path.

    Raises:
        BadRequestError: A segment is not UTF-8, or holds a control character.
    """
    path = raw_path.partition("?")[0].partition("#")[0]
    segments = []
    for raw in path.split("/")[1:]:
        try:
            segment = unquote_to_bytes(raw).decode()
        except (UnicodeDecodeError, UnicodeEncodeError) as err:
            raise BadRequestError(f"path segment {raw!r} is not UTF-8") from err
        if any(ord(char) < 32 or ord(char) == 127 for char in segment):
            raise BadRequestError(f"path segment {raw!r} holds control characters")
        segments.append(segment)
    while segments and not segments[-1]:
        segments.pop()
    return segments


def parse_path(segments: list[str]) -> ResourcePath | None:
    """Read a resource path; None for every other path."""
    if segments[:1] == ["api"] and len(segments) >= 3:
        group, version, rest = "", segments[1], segments[2:]
    elif segments[:1] == ["apis"] and len(segments) >= 4:
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return None
    watch = rest[0] == "watch" and len(rest) > 1
    if watch:
        rest = rest[1:]
    namespace = ""
    in_namespace = rest[0] == "namespaces" and len(rest) > 2
    if in_namespace and not (len(rest) == 3 and rest[2] in ("status", "finalize")):
        namespace, rest = rest[1], rest[2:]
        if not namespace:
            return None
    if not all(rest[:3]):
        return None
    resource, name, subresource = [*rest, "", ""][:3]
    tail = "/".join(rest[3:])
    if tail and subresource != "proxy":
        return None
    return ResourcePath(group, version, resource, namespace, name, subresource, tail, watch)


def verb_of(method: str, path: ResourcePath, query: Mapping[str, str]) -> Verb:
    """What a method means on a path.

    Raises:
        MethodNotAllowedError: Nothing.
    """
    if method in ("GET", "HEAD"):
        if path.name:
            return Verb.GET
        watch = path.watch or query.get("watch", "") in ("1", "true", "True", "TRUE", "t", "T")
        return Verb.WATCH if watch else Verb.LIST
    if method == "DELETE" and not path.name:
        return Verb.DELETE_COLLECTION
    verb = _WRITES.get(method)
    if verb is None:
        raise MethodNotAllowedError(
            "the server does not allow this method on the requested resource"
        )
    return verb
