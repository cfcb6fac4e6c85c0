"""What is wrong with a delivery."""

from __future__ import annotations

from datetime import timedelta

from wakeful.apimachinery.fields import FieldErrors, disallowed_fields, invalid_value, under
from wakeful.apimachinery.isoduration import parse_iso_duration
from wakeful.apis.duck.delivery_types import BACKOFF_POLICIES, FORMATS, DeliverySpec
from wakeful.apis.duck.destination_validation import validate_destination
from wakeful.apis.duck.features import DELIVERY_RETRYAFTER, DELIVERY_TIMEOUT, EventingFeatures

_NOTHING = timedelta()
_MOST_RETRIES = 2**31 - 1


def validate_delivery(delivery: DeliverySpec | None, features: EventingFeatures) -> FieldErrors:
    """Every fault, with paths below ``delivery``."""
    if delivery is None:
        return []
    errors: FieldErrors = []
    if delivery.dead_letter_sink is not None:
        faults = validate_destination(delivery.dead_letter_sink, features)
        errors += under("deadLetterSink", faults)
    if delivery.retry is not None and not 0 <= delivery.retry <= _MOST_RETRIES:
        errors.append(invalid_value(delivery.retry, "retry"))
    errors += _validate_limits(delivery, features)
    if delivery.backoff_policy is not None and delivery.backoff_policy not in BACKOFF_POLICIES:
        errors.append(invalid_value(delivery.backoff_policy, "backoffPolicy"))
    if delivery.backoff_delay is not None and not _is_duration(delivery.backoff_delay):
        errors.append(invalid_value(delivery.backoff_delay, "backoffDelay"))
    if delivery.format is not None and delivery.format not in FORMATS:
        errors.append(invalid_value(delivery.format, "format"))
    return errors


def _validate_limits(delivery: DeliverySpec, features: EventingFeatures) -> FieldErrors:
    errors: FieldErrors = []
    if delivery.timeout is not None:
        if not features.is_enabled(DELIVERY_TIMEOUT):
            errors.append(disallowed_fields("timeout"))
        elif not _is_duration(delivery.timeout, positive=True):
            errors.append(invalid_value(delivery.timeout, "timeout"))
    if delivery.retry_after_max is not None:
        if not features.is_enabled(DELIVERY_RETRYAFTER):
            errors.append(disallowed_fields("retryAfterMax"))
        elif not _is_duration(delivery.retry_after_max):
            errors.append(invalid_value(delivery.retry_after_max, "retryAfterMax"))
    return errors


def _is_duration(text: str, *, positive: bool = False) -> bool:
    try:
        value = parse_iso_duration(text)
    except ValueError:
        return False
    return value > _NOTHING if positive else value >= _NOTHING
