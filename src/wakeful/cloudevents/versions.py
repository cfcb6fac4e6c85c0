"""What each version calls its attributes, in JSON and (lower-cased, after ``ce-``) in headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Names:
    """The names one version uses for the attributes of :class:`~wakeful.cloudevents.Event`."""

    wire: Mapping[str, str]
    """Our name to the version's, as JSON spells it."""
    ours: Mapping[str, str]
    """The version's JSON name to ours."""
    from_header: Mapping[str, str]
    """The version's header name, lower-case and without ``ce-``, to ours."""
    quoted: bool
    """Whether header values are JSON values: strings in double quotes (0.1 and 0.2)."""


def _names(wire: dict[str, str], *, quoted: bool, **also_header: str) -> Names:
    headers = {theirs.lower(): ours for ours, theirs in wire.items()}
    headers.update(also_header)
    return Names(
        wire=MappingProxyType(wire),
        ours=MappingProxyType({theirs: ours for ours, theirs in wire.items()}),
        from_header=MappingProxyType(headers),
        quoted=quoted,
    )


_COMMON = {"specversion": "specversion", "id": "id", "source": "source", "type": "type"}

NAMES: Mapping[str, Names] = MappingProxyType(
    {
        "0.1": _names(
            {
                "specversion": "cloudEventsVersion",
                "id": "eventID",
                "source": "source",
                "type": "eventType",
                "eventtypeversion": "eventTypeVersion",
                "time": "eventTime",
                "dataschema": "schemaURL",
                "datacontenttype": "contentType",
            },
            quoted=True,
            dataschema="dataschema",  # what the Go SDK of 2019 wrote
        ),
        "0.2": _names(
            _COMMON | {"time": "time", "dataschema": "schemaurl", "datacontenttype": "contenttype"},
            quoted=True,
        ),
        "0.3": _names(
            _COMMON
            | {
                "time": "time",
                "subject": "subject",
                "dataschema": "schemaurl",
                "datacontenttype": "datacontenttype",
                "datacontentencoding": "datacontentencoding",
            },
            quoted=False,
        ),
        "1.0": _names(
            _COMMON
            | {
                "time": "time",
                "subject": "subject",
                "dataschema": "dataschema",
                "datacontenttype": "datacontenttype",
            },
            quoted=False,
        ),
    }
)
