"""How event-display prints an event: the three layouts its releases had.

========  ==================================================================================
2019-03   eventing-sources up to 0.5: capital names, a tick, the request under the attributes
2019-04   eventing-contrib, and the Go SDK up to 2.3: the version's own names, ``Validation``
today     the same without ``Validation``; binary data is called so
========  ==================================================================================
"""

from __future__ import annotations

import json
import re

from wakeful.eventing.samples.messages import ATTRIBUTES, Event

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wakeful.eventing.samples.httpd import Request

_WORDS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_SPECIAL = {"id": "ID", "specversion": "SpecVersion", "schemaurl": "SchemaURL"}
_SPECIAL |= {"contenttype": "ContentType", "datacontenttype": "DataContentType"}


def indent(text: str, prefix: str = "  ", step: str = "  ") -> str:
    """Lay JSON out as Go does: nothing of numbers and strings changes, only the space between."""
    out: list[str] = []
    depth = 0
    words = _WORDS.findall(text)
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in ("}", "]"):
            depth -= 1
            if words[at - 1] not in ("{", "["):
                out.append("\n" + prefix + step * depth)
            out.append(word)
        elif word in ("{", "["):
            depth += 1
            out.append(word)
            if following not in ("}", "]"):
                out.append("\n" + prefix + step * depth)
        elif word == ",":
            out.append(",\n" + prefix + step * depth)
        else:
            out.append(": " if word == ":" else word)
    return "".join(out)


def _data(event: Event, *, is_json: bool) -> str:
    text = (event.data or b"").decode("utf-8", "replace")
    if is_json:
        try:
            json.loads(text)
        except ValueError:
            return text
        return indent(text)
    return text


def _value(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def attributes(event: Event) -> str:
    """The attributes and extensions, as the Go SDK prints them."""
    lines = ["Context Attributes,"]
    set_ones = [name for name in ATTRIBUTES[event.version] if event.attributes.get(name)]
    lines += [f"  {name}: {event.attributes[name]}" for name in set_ones]
    if event.extensions:
        lines.append("Extensions,")
        lines += [f"  {name}: {_value(v)}" for name, v in sorted(event.extensions.items())]
    return "\n".join(lines) + "\n"


def _of_2019_03(event: Event, request: Request) -> str:
    faults = event.faults()
    lines = ["", "☁️  CloudEvent: " + ("invalid ❌" if faults else "valid ✅")]
    if faults:
        lines.append("Validation Error: " + "\n".join(faults))
    lines.append("Context Attributes,")
    for name in ATTRIBUTES[event.version]:
        if event.attributes.get(name):
            label = _SPECIAL.get(name) or name[0].upper() + name[1:]
            lines.append(f"  {label}: {event.attributes[name]}")
    if event.extensions:
        lines.append("  Extensions: ")
        lines += [f"    {name}: {_value(v)}" for name, v in sorted(event.extensions.items())]
    lines.append("Transport Context,")
    lines.append(f"  URI: {request.target}")
    lines.append(f"  Host: {request.headers.get('host', '')}")
    lines.append(f"  Method: {request.method}")
    if event.data is not None:
        is_json = event.content_type.startswith("application/json")
        lines += ["Data,", "  " + _data(event, is_json=is_json)]
    return "\n".join(lines) + "\n"


def _of_2019_04(event: Event, request: Request) -> str:
    faults = event.faults()
    text = "☁️  cloudevents.Event\nValidation: " + ("invalid\n" if faults else "valid\n")
    if faults:
        text += "Validation Error: \n" + "\n".join(faults) + "\n"
    text += attributes(event)
    if event.data is not None:
        is_json = event.content_type.startswith("application/json")
        text += "Data,\n  " + _data(event, is_json=is_json) + "\n"
    return text


def _of_today(event: Event, request: Request) -> str:
    text = "☁️  cloudevents.Event\n" + attributes(event)
    if event.data is not None:
        is_json = event.content_type.partition(";")[0].strip().lower() == "application/json"
        text += "Data (binary),\n  " if event.is_binary else "Data,\n  "
        text += _data(event, is_json=is_json) + "\n"
    return text


LAYOUTS: dict[str, Callable[[Event, Request], str]] = {
    "2019-03": _of_2019_03,
    "2019-04": _of_2019_04,
    "today": _of_today,
}
