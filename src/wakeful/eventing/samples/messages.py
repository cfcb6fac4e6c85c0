"""Reading and writing events over HTTP, as leniently as example programs may."""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_COMMON = ("specversion", "type", "source")
ATTRIBUTES = {
    "0.1": (
        "cloudEventsVersion",
        "eventType",
        "eventTypeVersion",
        "source",
        "eventID",
        "eventTime",
        "schemaURL",
        "contentType",
    ),
    "0.2": (*_COMMON, "id", "time", "schemaurl", "contenttype"),
    "0.3": (*_COMMON, "subject", "id", "time", "schemaurl", "datacontenttype"),
    "1.0": (*_COMMON, "subject", "id", "time", "dataschema", "datacontenttype"),
}
"""The names of each version, in the order in which they are printed."""

_REQUIRED = {"0.1": ("eventType", "source", "eventID")}
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


class NoEventError(ValueError):
    """The message is no event."""


class Event:
    """An event with the attribute names of its own version."""

    __slots__ = ("attributes", "data", "extensions", "is_binary", "version")

    def __init__(
        self,
        version: str,
        attributes: dict[str, str],
        extensions: dict[str, Any],
        data: bytes | None,
        *,
        is_binary: bool = False,
    ) -> None:
        self.version, self.attributes, self.extensions = version, attributes, extensions
        self.data, self.is_binary = data, is_binary

    def get(self, name: str) -> str:
        """An attribute by its name in 1.0, whatever the version; empty if it is not set."""
        if self.version == "0.1" and name in ("id", "type", "time"):
            name = "event" + ("ID" if name == "id" else name.title())
        elif name == "datacontenttype":
            return self.content_type
        return self.attributes.get(name, "")

    @property
    def content_type(self) -> str:
        """What the data is."""
        return self.attributes.get(ATTRIBUTES[self.version][-1], "")

    def faults(self) -> list[str]:
        """What is wrong with the event, in the words of the SDKs."""
        required = _REQUIRED.get(self.version, ("type", "source", "id"))
        return [f"{name}: REQUIRED" for name in required if not self.attributes.get(name)]

    def json(self) -> Any:
        """The data as JSON."""
        return json.loads(self.data or b"null")


def _unescape(value: str, *, version: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            value = json.loads(value)
        except ValueError:
            value = value[1:-1]
    if "%" not in value and value.isascii():
        return value
    raw = value.encode("latin-1", "replace")
    if version in ("1.0", "0.3") or "%" in value:
        raw = _PERCENT.sub(lambda match: bytes([int(match[1], 16)]), raw)
    return raw.decode("utf-8", "replace")


def read_event(headers: dict[str, str], body: bytes) -> Event:
    """Read a binary or structured message; header names are lower-case.

    Raises:
        NoEventError: There is no event in it.
    """
    if headers.get("content-type", "").lower().startswith("application/cloudevents"):
        return _structured(body)
    version = headers.get("ce-cloudeventsversion") or headers.get("ce-specversion") or ""
    version = _unescape(version, version="")
    if version not in ATTRIBUTES:
        raise NoEventError("the request has no known version of CloudEvents in its headers")
    names = {name.lower(): name for name in ATTRIBUTES[version]}
    attributes: dict[str, str] = {}
    extensions: dict[str, Any] = {}
    for header, value in headers.items():
        if header.startswith("ce-"):
            name = header[3:]
            text = _unescape(value, version=version)
            if name in names:
                attributes[names[name]] = text
            else:
                extensions[name.removeprefix("x-") if version == "0.1" else name] = text
    if headers.get("content-type"):
        attributes[ATTRIBUTES[version][-1]] = headers["content-type"]
    return Event(version, attributes, extensions, body or None)


def _structured(body: bytes) -> Event:
    try:
        document = json.loads(body)
    except ValueError as error:
        raise NoEventError(f"the body is not valid JSON: {error}") from None
    if not isinstance(document, dict):
        raise NoEventError("the body is no JSON object; batches are not accepted")
    version = str(document.get("specversion") or document.get("cloudEventsVersion") or "")
    if version not in ATTRIBUTES:
        raise NoEventError("the event has no known version of CloudEvents")
    attributes = {n: str(document.pop(n)) for n in ATTRIBUTES[version] if document.get(n)}
    encoded = document.pop("data_base64", None)
    is_binary = encoded is not None
    if document.pop("datacontentencoding", "") == "base64":
        encoded, is_binary = document.pop("data", ""), True
    has_data, value = "data" in document, document.pop("data", None)
    if encoded is not None:
        import base64  # few events need it

        data: bytes | None = base64.b64decode(encoded)
    elif not has_data:
        data = None
    elif isinstance(value, str) and "json" not in attributes.get(ATTRIBUTES[version][-1], "json"):
        data = value.encode()
    else:
        data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    extensions = document.pop("extensions", {}) if version == "0.1" else document
    return Event(version, attributes, extensions, data, is_binary=is_binary)


def _escape(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return "".join(
        char
        if "!" <= char <= "~" and char not in '"%'
        else "".join(f"%{b:02X}" for b in char.encode())
        for char in text
    )


def write_event(event: Event) -> tuple[dict[str, str], bytes]:
    """Write an event in binary mode, in its own version."""
    headers: dict[str, str] = {}
    for name, value in event.attributes.items():
        if name == ATTRIBUTES[event.version][-1]:
            headers["content-type"] = value
        else:
            headers[f"ce-{name.lower()}"] = _escape(value)
    prefix = "ce-x-" if event.version == "0.1" else "ce-"
    for name, extension in event.extensions.items():
        if extension is not None:
            quoted = event.version in ("0.1", "0.2")
            text = json.dumps(extension) if quoted else _escape(extension)
            headers[prefix + name] = text
    return headers, event.data or b""
