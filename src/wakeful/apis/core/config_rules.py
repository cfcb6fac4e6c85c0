"""ConfigMaps, Secrets and service accounts: what is filled in and what is refused."""

from __future__ import annotations

import base64

import orjson

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    forbidden,
    invalid,
    required,
    too_long,
)
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext
from wakeful.apis.core import config_types
from wakeful.apis.core.config_types import OPAQUE, ConfigMap, Secret
from wakeful.apis.core.rules import config_key_faults, first_of, validate_immutable

MAX_BYTES = 1 << 20
_FROZEN = "field is immutable when `immutable` is set"
_ACCOUNT_ANNOTATION = "kubernetes.io/service-account.name"


def validate_config_map(
    new: ConfigMap, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Keys, size, and that an immutable map stays what it is."""
    errors: FieldErrors = []
    for key in new.data:
        errors += first_of(config_key_faults(key), f"data[{key}]", key)
        if key in new.binary_data:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in new.binary_data:
        errors += first_of(config_key_faults(key), f"binaryData[{key}]", key)
    size = sum(len(v.encode()) for v in new.data.values())
    size += sum(len(v) * 3 // 4 for v in new.binary_data.values())
    if size > MAX_BYTES:
        errors.append(too_long("", MAX_BYTES))
    if isinstance(old, ConfigMap) and old.immutable:
        if not new.immutable:
            errors.append(forbidden("immutable", _FROZEN))
        if new.data != old.data:
            errors.append(forbidden("data", _FROZEN))
        if new.binary_data != old.binary_data:
            errors.append(forbidden("binaryData", _FROZEN))
    return errors


def set_secret_defaults(new: Secret, old: Object | None, context: AdmissionContext) -> None:
    """Fold plain text into the data; the default type is ``Opaque``."""
    for key, value in new.string_data.items():
        new.data[key] = base64.b64encode(value.encode()).decode()
    new.string_data = {}
    new.type = new.type or OPAQUE


def validate_secret(new: Secret, old: Object | None, context: AdmissionContext) -> FieldErrors:
    """Keys, size, what the type requires, and what may not change."""
    errors: FieldErrors = []
    for key in new.data:
        errors += first_of(config_key_faults(key), f"data[{key}]", key)
    if sum(len(v) * 3 // 4 for v in new.data.values()) > MAX_BYTES:
        errors.append(too_long("data", MAX_BYTES))
    errors += _required_by_type(new)
    if isinstance(old, Secret):
        errors += validate_immutable(new.type, old.type, "type")
        if old.immutable:
            if not new.immutable:
                errors.append(forbidden("immutable", _FROZEN))
            if new.data != old.data:
                errors.append(forbidden("data", _FROZEN))
    return errors


def _required_by_type(secret: Secret) -> FieldErrors:
    match secret.type:
        case config_types.SERVICE_ACCOUNT_TOKEN:
            if not secret.metadata.annotations.get(_ACCOUNT_ANNOTATION):
                return [required(f"metadata.annotations[{_ACCOUNT_ANNOTATION}]")]
        case config_types.DOCKERCFG:
            return _json_key(secret, ".dockercfg")
        case config_types.DOCKERCONFIGJSON:
            return _json_key(secret, ".dockerconfigjson")
        case config_types.BASIC_AUTH:
            if not {"username", "password"} & set(secret.data):
                return [required("data[username]"), required("data[password]")]
        case config_types.SSH_AUTH:
            if not secret.data.get("ssh-privatekey"):
                return [required("data[ssh-privatekey]")]
        case config_types.TLS:
            return [required(f"data[{k}]") for k in ("tls.crt", "tls.key") if k not in secret.data]
    return []


def _json_key(secret: Secret, key: str) -> list[FieldError]:
    if key not in secret.data:
        return [required(f"data[{key}]")]
    try:
        orjson.loads(base64.b64decode(secret.data[key]))
    except orjson.JSONDecodeError as err:
        return [invalid(f"data[{key}]", "<secret contents redacted>", str(err))]
    return []
