"""CloudEvents: the event, its formats and bindings, filters. Formats and decisions, no I/O.

All four versions (0.1, 0.2, 0.3, 1.0) are read and written and none is ever upgraded; data stays
byte for byte what was received. Whoever receives calls :func:`from_http` and answers 400 with the
text of a :class:`CloudEventError`, which names the fault.
"""

from wakeful.cloudevents.checks import checked
from wakeful.cloudevents.errors import CloudEventError, Fault, UnsupportedFormatError
from wakeful.cloudevents.event import (
    VERSIONS,
    AttributeValue,
    Event,
    canonical_string,
    event_time,
    is_json_type,
    media_type,
)
from wakeful.cloudevents.filters import (
    ExactKeys,
    Filter,
    FilterError,
    compile_filters,
    exact_keys,
)
from wakeful.cloudevents.httpbinding import (
    BATCH_TYPE,
    JSON_TYPE,
    Headers,
    Mode,
    batch_from_http,
    batch_to_http,
    content_mode,
    from_http,
    to_http,
)
from wakeful.cloudevents.jsonformat import batch_from_json, batch_to_json, from_json, to_json
from wakeful.cloudevents.kafkabinding import RecordHeaders, from_kafka, record_mode, to_kafka
from wakeful.cloudevents.stored import HEADER, from_stored, to_stored

__all__ = [
    "BATCH_TYPE",
    "HEADER",
    "JSON_TYPE",
    "VERSIONS",
    "AttributeValue",
    "CloudEventError",
    "Event",
    "ExactKeys",
    "Fault",
    "Filter",
    "FilterError",
    "Headers",
    "Mode",
    "RecordHeaders",
    "UnsupportedFormatError",
    "batch_from_http",
    "batch_from_json",
    "batch_to_http",
    "batch_to_json",
    "canonical_string",
    "checked",
    "compile_filters",
    "content_mode",
    "event_time",
    "exact_keys",
    "from_http",
    "from_json",
    "from_kafka",
    "from_stored",
    "is_json_type",
    "media_type",
    "record_mode",
    "to_http",
    "to_json",
    "to_kafka",
    "to_stored",
]
