"""Where a source's events go and what is set on them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wakeful.apis.duck import SINK_PROVIDED, CloudEventOverrides, SourceStatus
from wakeful.cloudevents import Event, to_http


@dataclass(frozen=True, slots=True)
class Target:
    """A resolved sink."""

    url: str
    ca_certs: str = ""
    extensions: Mapping[str, str] = field(default_factory=dict)
    """Set on every event, in place of what it has under these names."""
    namespace: str = ""
    """Of the source; sinks are told in a header."""

    def apply(self, event: Event) -> Event:
        """The event as it is sent."""
        return event.with_extensions(self.extensions) if self.extensions else event

    def request(self, event: Event) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body of the request that sends ``event`` as it is."""
        headers, body = to_http(event)
        pairs = list(headers.items())
        if self.namespace:
            pairs.append(("kn-namespace", self.namespace))
        return pairs, body


def target_of(
    status: SourceStatus, overrides: CloudEventOverrides | None, *, namespace: str
) -> Target | None:
    """The sink of a source in ``namespace``, None while it is not resolved."""
    provided = status.condition(SINK_PROVIDED)
    if provided is None or not provided.is_true or not status.sink_uri:
        return None
    extensions = dict(overrides.extensions) if overrides is not None else {}
    return Target(status.sink_uri, status.sink_ca_certs, extensions, namespace)
