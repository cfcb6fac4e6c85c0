"""What is wrong with a destination, or with a reference, in upstream's words."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from cryptography import x509

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    disallowed_fields,
    invalid_value,
    missing_field,
    under,
)
from wakeful.apis.duck.addressable_types import Destination, KReference
from wakeful.apis.duck.features import KREFERENCE_GROUP, EventingFeatures

_FLAT = "[apiVersion, kind, name]"


def validate_destination(
    destination: Destination, features: EventingFeatures, *, namespace: str = ""
) -> FieldErrors:
    """Every fault; with ``namespace`` the reference must not lead out of it."""
    ref, uri = destination.ref, destination.uri
    if ref is None and not uri:
        return [FieldError("expected at least one, got none", ("ref", "uri"))]
    errors = _validate_uri(uri, has_ref=ref is not None) if uri else []
    if ref is not None:
        errors += under("ref", validate_reference(ref, features, namespace=namespace))
    if destination.ca_certs:
        errors += _validate_certificates(destination.ca_certs)
    return errors


def split_uri(uri: str) -> SplitResult | None:
    """The parts of a URI reference; None when it is none."""
    if any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _validate_uri(uri: str, *, has_ref: bool) -> FieldErrors:
    parts = split_uri(uri)
    if parts is None:
        return [invalid_value(uri, "uri", "not a URI")]
    if has_ref and parts.scheme:
        message = f"Absolute URI is not allowed when Ref or {_FLAT} is present"
        return [FieldError(message, (_FLAT, "ref", "uri"))]
    if not has_ref and not (parts.scheme and parts.hostname):
        message = f"Relative URI is not allowed when Ref and {_FLAT} is absent"
        return [invalid_value(message, "uri")]
    return []


def validate_reference(
    ref: KReference, features: EventingFeatures, *, namespace: str = ""
) -> FieldErrors:
    """Every fault of a reference; with ``namespace`` it must not lead out of it."""
    errors: FieldErrors = []
    if not ref.name:
        errors.append(missing_field("name"))
    errors += _validate_version(ref, features)
    if not ref.kind:
        errors.append(missing_field("kind"))
    if namespace and ref.namespace and ref.namespace != namespace:
        details = f'parent namespace: "{namespace}" does not match ref: "{ref.namespace}"'
        errors.append(FieldError("mismatched namespaces", ("namespace",), details))
    return errors


def _validate_version(ref: KReference, features: EventingFeatures) -> FieldErrors:
    if not features.is_enabled(KREFERENCE_GROUP):
        errors = [disallowed_fields("group")] if ref.group else []
        return errors if ref.api_version else [*errors, missing_field("apiVersion")]
    if not ref.api_version and not ref.group:
        return [missing_field("apiVersion"), missing_field("group")]
    if ref.api_version and ref.group and ref.gvk.group != ref.group:
        message = "both apiVersion and group are specified and they refer to different API groups"
        return [FieldError(message, ("apiVersion", "group"), "Only one of them must be specified")]
    return []


def _validate_certificates(pem: str) -> FieldErrors:
    try:
        x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return [invalid_value("CA Cert provided is invalid", "caCert")]
    return []
