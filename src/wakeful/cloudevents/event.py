"""The event: what every format and binding reads into and writes from.

Values stay as they were received: the version is never upgraded, times keep their digits, data its
bytes. Names are those of CloudEvents 1.0 whatever the version (``dataschema`` is ``schemaurl`` in
0.3 and ``schemaURL`` in 0.1); the bindings translate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

VERSIONS = ("0.1", "0.2", "0.3", "1.0")

AttributeValue = str | int | bool | dict[str, Any] | list[Any] | float
"""1.0 knows strings, integers and booleans (binary, URIs and times travel as strings).

Older versions allow any JSON value in an extension.
"""

CORE_ATTRIBUTES = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
        "datacontentencoding",
    }
)

_ALIASES = {"schemaurl": "dataschema", "contenttype": "datacontenttype"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One CloudEvent of any version.

    Everything that decodes checks; built by hand, :func:`wakeful.cloudevents.checked` does.
    """

    id: str
    source: str
    type: str
    specversion: str = "1.0"
    subject: str | None = None
    time: str | None = None
    """RFC 3339, digit for digit as received."""
    datacontenttype: str | None = None
    dataschema: str | None = None
    datacontentencoding: str | None = None
    """0.3 only; ``base64`` means that ``data`` itself is base64 text."""
    extensions: Mapping[str, AttributeValue] = field(default_factory=dict)
    data: bytes | None = None

    def attribute(self, name: str) -> AttributeValue | None:
        """The value of an attribute or extension, None if it is not set.

        ``datamediatype`` is the content type without parameters; the names of older versions work
        too.
        """
        found = self.extensions.get(name)
        if found is not None:
            return found
        name = _ALIASES.get(name, name)
        if name in CORE_ATTRIBUTES:
            value: str | None = getattr(self, name)
            return value
        if name == "datamediatype":
            return media_type(self.datacontenttype) or None
        return None

    def attributes(self) -> dict[str, AttributeValue]:
        """All attributes that are set, the required ones first, extensions last."""
        found: dict[str, AttributeValue] = {
            "specversion": self.specversion,
            "id": self.id,
            "source": self.source,
            "type": self.type,
        }
        for name in ("subject", "time", "datacontenttype", "dataschema", "datacontentencoding"):
            value = getattr(self, name)
            if value is not None:
                found[name] = value
        found.update(self.extensions)
        return found

    def with_extension(self, name: str, value: AttributeValue | None) -> Event:
        """A copy with one extension set, or without it when ``value`` is None."""
        return self.with_extensions({name: value})

    def with_extensions(self, values: Mapping[str, AttributeValue | None]) -> Event:
        """A copy with several extensions set or, where the value is None, removed."""
        merged = {k: v for k, v in {**self.extensions, **values}.items() if v is not None}
        return replace(self, extensions=merged)


def make_event(
    core: Mapping[str, str], extensions: Mapping[str, AttributeValue], data: bytes | None
) -> Event:
    """An event of attributes by name; what is required and missing is left empty."""
    return Event(
        specversion=core.get("specversion", ""),
        id=core.get("id", ""),
        source=core.get("source", ""),
        type=core.get("type", ""),
        subject=core.get("subject"),
        time=core.get("time"),
        datacontenttype=core.get("datacontenttype"),
        dataschema=core.get("dataschema"),
        datacontentencoding=core.get("datacontentencoding"),
        extensions=extensions,
        data=data,
    )


def canonical_string(value: AttributeValue) -> str:
    """The string form of a value that every binding shares: ``true``, ``-5``, text as it is."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case _:
            return orjson.dumps(value).decode()


def event_time(moment: datetime, timespec: str = "auto") -> str:
    """A moment as the attribute ``time`` and extensions have it; ``timespec`` as ``isoformat``."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def media_type(content_type: str | None) -> str:
    """``text/plain`` of ``Text/Plain; charset=utf-8``; empty when there is none."""
    return (content_type or "").partition(";")[0].strip().lower()


def is_json_type(content_type: str | None) -> bool:
    """Whether a content type declares JSON: subtype ``json``, or anything ending in ``+json``."""
    subtype = media_type(content_type).partition("/")[2]
    return subtype == "json" or subtype.endswith("+json")
