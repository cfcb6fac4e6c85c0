"""Sinks of 2019, which may name their object flat; they are kept the way they were written.

Kept, because whoever applies the same file again sends the flat names again, and the server could
not tell them from a second sink.
"""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.fields import FieldError, FieldErrors, missing_field, under
from wakeful.apimachinery.meta import APIModel
from wakeful.apis.duck import CloudEventOverrides, Destination, KReference, SourceSpec
from wakeful.apis.duck.destination_validation import split_uri

_FLAT = "[apiVersion, kind, name]"


class LegacyDestination(Destination):
    """A destination in either form."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""

    @property
    def is_flat(self) -> bool:
        """Whether a flat name is set."""
        return bool(self.api_version or self.kind or self.name)

    def today(self) -> Destination:
        """The same in today's form."""
        ref = self.ref
        if self.is_flat:
            ref = KReference(
                api_version=self.api_version,
                kind=self.kind,
                name=self.name,
                namespace=self.namespace,
            )
        return Destination(ref=ref, uri=self.uri, ca_certs=self.ca_certs, audience=self.audience)


class LegacySourceSpec(APIModel):
    """What the specs of 2019's sources have in common."""

    sink: LegacyDestination | None = None
    ce_overrides: CloudEventOverrides | None = None
    service_account_name: str = ""

    def source_spec(self) -> SourceSpec:
        """The common part in today's form."""
        sink = self.sink.today() if self.sink is not None else Destination()
        return SourceSpec(sink=sink, ce_overrides=self.ce_overrides)


class AdapterResources(APIModel):
    """How much a source's adapter may use; kept, but nothing is started that it could limit."""

    cpu: str = ""
    memory: str = ""


class AdapterResourceSpec(APIModel):
    """Requests and limits of an adapter."""

    requests: AdapterResources = Field(default_factory=AdapterResources)
    limits: AdapterResources = Field(default_factory=AdapterResources)


def validate_legacy_sink(sink: LegacyDestination | None) -> FieldErrors:
    """Every fault, with paths below the spec, in the words of 2019."""
    if sink is None:
        return [missing_field("sink")]
    return under("sink", _validate(sink))


def _validate(sink: LegacyDestination) -> FieldErrors:
    if sink.ref is not None and sink.is_flat:
        message = f"Ref and {_FLAT} can't be both present"
        return [FieldError(message, (_FLAT, "ref"))]
    if sink.ref is None and not sink.is_flat and not sink.uri:
        return [FieldError("expected at least one, got none", (_FLAT, "ref", "uri"))]
    errors: FieldErrors = []
    if sink.is_flat:
        errors += _validate_names(sink.api_version, sink.kind, sink.name)
    elif sink.ref is not None:
        errors += under("ref", _validate_names(sink.ref.api_version, sink.ref.kind, sink.ref.name))
    if sink.uri:
        errors += _validate_uri(sink.uri, has_ref=sink.is_flat or sink.ref is not None)
    return errors


def _validate_names(api_version: str, kind: str, name: str) -> FieldErrors:
    given = {"apiVersion": api_version, "kind": kind, "name": name}
    return [missing_field(field) for field, value in given.items() if not value]


def _validate_uri(uri: str, *, has_ref: bool) -> FieldErrors:
    parts = split_uri(uri)
    if parts is None:
        return [FieldError(f"invalid value: {uri}", ("uri",))]
    is_absolute = bool(parts.scheme and parts.hostname)
    if has_ref and is_absolute:
        message = f"Absolute URI is not allowed when Ref or {_FLAT} is present"
        return [FieldError(message, (_FLAT, "ref", "uri"))]
    if not has_ref and not is_absolute:
        message = f"Relative URI is not allowed when Ref and {_FLAT} is absent"
        return [FieldError(f"invalid value: {message}", ("uri",))]
    return []
