"""Defaults and faults of PingSources, in upstream's words."""

from __future__ import annotations

import base64
import binascii
import json

import structlog

from wakeful.apimachinery.fields import FieldErrors, invalid_value, multiple_one_of, under
from wakeful.apimachinery.meta import Object
from wakeful.apimachinery.scheme import AdmissionContext, ConfigLookup
from wakeful.apis.batch.cron import parse_schedule, parse_zone
from wakeful.apis.duck import load_features, validate_source
from wakeful.apis.sources import register
from wakeful.apis.sources.pingsource_types import PingSource, PingSourceSpec

log = structlog.get_logger("wakeful.apis.sources")

_JSON = "application/json"
UNLIMITED = -1


def set_pingsource_defaults(new: PingSource, old: Object | None, context: AdmissionContext) -> None:
    """Every minute."""
    new.spec.schedule = new.spec.schedule or "* * * * *"


def validate_pingsource(
    new: PingSource, old: Object | None, context: AdmissionContext
) -> FieldErrors:
    """Every fault."""
    if context.subresource == "status":
        return []
    spec = new.spec
    errors = _validate_schedule(spec) + _validate_data(spec, _limit_bytes(context.config))
    return under("spec", errors + validate_source(spec, load_features(context.config)))


def _validate_schedule(spec: PingSourceSpec) -> FieldErrors:
    errors: FieldErrors = []
    if "@every" in spec.schedule:
        return [invalid_value("unsupported descriptor @every", "schedule")]
    if spec.timezone:
        try:
            parse_zone(spec.timezone)
        except ValueError as err:
            fault = f"provided bad location {spec.timezone}: {err}"
            errors.append(invalid_value(fault, "timezone"))
    try:
        parse_schedule(spec.schedule, seconds=True)
    except ValueError as err:
        errors.append(invalid_value(str(err), "schedule"))
    return errors


def _validate_data(spec: PingSourceSpec, limit: int) -> FieldErrors:
    if spec.data and spec.data_base64:
        return [multiple_one_of("data", "dataBase64")]
    name = "dataBase64" if spec.data_base64 else "data"
    text = spec.data_base64 or spec.data
    errors: FieldErrors = []
    size = len(text.encode())
    if limit > UNLIMITED and size > limit:
        fault = f"the {name} length of {size} bytes exceeds limit set at {limit}."
        errors.append(invalid_value(fault, name))
    if not text:
        return errors
    try:
        decoded = base64.b64decode(text, validate=True) if spec.data_base64 else text.encode()
        if spec.content_type == _JSON:
            json.loads(decoded)
    except binascii.Error as err:
        errors.append(invalid_value(f"illegal base64 data: {err}", name))
    except (ValueError, RecursionError) as err:
        errors.append(invalid_value(f"invalid JSON: {err}", name))
    return errors


def _limit_bytes(config: ConfigLookup) -> int:
    data = config(register.CONFIG_PING_DEFAULTS, register.SYSTEM_NAMESPACE)
    text = data.get("data-max-size", "").strip()
    if not text:
        return UNLIMITED
    try:
        return int(text)
    except ValueError:
        log.warning("ignored setting", map=register.CONFIG_PING_DEFAULTS, key="data-max-size")
        return UNLIMITED
