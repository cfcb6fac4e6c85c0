"""Rules that the validation of several built-in kinds shares, in Kubernetes' words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    forbidden,
    invalid,
    join,
    not_supported,
    required,
)
from wakeful.apimachinery.labels import LabelSelector
from wakeful.apimachinery.meta import APIModel
from wakeful.apimachinery.quantity import parse_quantity

IMMUTABLE = "field is immutable"
NOT_NEGATIVE = "must be greater than or equal to 0"

_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_PORT_NAME = re.compile(r"[-a-z0-9]+")

QUALIFIED_MESSAGE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end"
    " with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
    " validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
LABEL_VALUE_MESSAGE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
    " '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
CONFIG_KEY_MESSAGE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name', "
    " or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
ENV_NAME_MESSAGE = (
    "a valid environment variable name must consist only of printable ASCII characters other"
    " than '='"
)
PORT_MESSAGE = "must be between 1 and 65535, inclusive"


def qualified_name_faults(value: str) -> list[str]:
    """What keeps ``value`` from being ``prefix/name``."""
    prefix, slash, name = value.rpartition("/")
    if slash and not prefix:
        return ["prefix part must be non-empty"]
    faults = []
    if prefix and (len(prefix) > 253 or not _SUBDOMAIN.fullmatch(prefix)):
        faults.append("prefix part must be a lowercase RFC 1123 subdomain")
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > 63:
        faults.append("name part must be no more than 63 characters")
    if not _QUALIFIED.fullmatch(name):
        faults.append(QUALIFIED_MESSAGE)
    return faults


def label_value_faults(value: str) -> list[str]:
    """What keeps ``value`` from being a label's value."""
    if len(value) > 63:
        return ["must be no more than 63 characters"]
    return [] if _LABEL_VALUE.fullmatch(value) else [LABEL_VALUE_MESSAGE]


def validate_labels(labels: dict[str, str], path: str) -> FieldErrors:
    """Keys and values of labels."""
    errors: FieldErrors = []
    for key, value in labels.items():
        errors += [invalid(path, key, fault) for fault in qualified_name_faults(key)]
        errors += [invalid(path, value, fault) for fault in label_value_faults(value)]
    return errors


def config_key_faults(key: str) -> list[str]:
    """What keeps ``key`` from being a key of a ConfigMap or Secret."""
    if len(key) > 253:
        return ["must be no more than 253 characters"]
    if key in (".", ".."):
        return [f"must not be '{key}'"]
    if key.startswith(".."):
        return ["must not start with '..'"]
    return [] if _CONFIG_KEY.fullmatch(key) else [CONFIG_KEY_MESSAGE]


def env_name_faults(name: str) -> list[str]:
    """What keeps ``name`` from naming an environment variable."""
    return [] if _ENV_NAME.fullmatch(name) else [ENV_NAME_MESSAGE]


def port_name_faults(name: str) -> list[str]:
    """What keeps ``name`` from naming a port (an IANA service name)."""
    faults = []
    if len(name) > 15:
        faults.append("must be no more than 15 characters")
    if not _PORT_NAME.fullmatch(name):
        faults.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", name):
        faults.append("must contain at least one letter (a-z)")
    if "--" in name:
        faults.append("must not contain consecutive hyphens")
    if name.startswith("-") or name.endswith("-"):
        faults.append("must not begin or end with a hyphen")
    return faults


def validate_port(port: int, path: str) -> FieldErrors:
    """A port number that has to be set."""
    return [] if 1 <= port <= 65535 else [invalid(path, port, PORT_MESSAGE)]


def validate_port_or_name(value: int | str | None, path: str) -> FieldErrors:
    """A port by number or by name."""
    if value is None:
        return [required(path)]
    if isinstance(value, int):
        return validate_port(value, path)
    return [invalid(path, value, fault) for fault in port_name_faults(value)]


def validate_not_negative(value: int | None, path: str) -> FieldErrors:
    """A count."""
    return [invalid(path, value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def validate_choice(value: str, valid: Sequence[str], path: str) -> FieldErrors:
    """One of a few words; empty is required."""
    if not value:
        return [required(path)]
    return [] if value in valid else [not_supported(path, value, valid)]


def validate_immutable(new: Any, old: Any, path: str) -> FieldErrors:
    """A field that may not change; models are shown as they travel."""
    if new == old:
        return []
    shown = new.to_wire() if isinstance(new, APIModel) else new
    return [invalid(path, shown, IMMUTABLE)]


def validate_exactly_one(
    names: Iterable[str], path: str, *, none: str, several: str
) -> FieldErrors:
    """Of several members one has to be set, and only one."""
    present = list(names)
    if not present:
        return [required(path, none)]
    return [forbidden(join(path, name), several) for name in present[1:]]


def validate_label_selector(selector: LabelSelector, path: str) -> FieldErrors:
    """Keys, operators and values of a selector."""
    errors: FieldErrors = []
    for key, value in selector.match_labels.items():
        errors += [invalid(f"{path}.matchLabels", key, f) for f in qualified_name_faults(key)]
        errors += [invalid(f"{path}.matchLabels", value, f) for f in label_value_faults(value)]
    for index, term in enumerate(selector.match_expressions):
        at = f"{path}.matchExpressions[{index}]"
        if term.operator in ("In", "NotIn"):
            if not term.values:
                detail = "must be specified when `operator` is 'In' or 'NotIn'"
                errors.append(required(f"{at}.values", detail))
        elif term.operator in ("Exists", "DoesNotExist"):
            if term.values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.append(forbidden(f"{at}.values", detail))
        else:
            detail = "not a valid selector operator"
            errors.append(invalid(f"{at}.operator", term.operator, detail))
        errors += [invalid(f"{at}.key", term.key, f) for f in qualified_name_faults(term.key)]
        for position, value in enumerate(term.values):
            errors += [
                invalid(f"{at}.values[{position}]", value, f) for f in label_value_faults(value)
            ]
    return errors


def selects(selector: LabelSelector, labels: dict[str, str]) -> bool:
    """Whether a selector, valid or not, matches labels."""
    known = ("In", "NotIn", "Exists", "DoesNotExist")
    if any(term.operator not in known for term in selector.match_expressions):
        return True
    return selector.to_selector().matches(labels)


def validate_amounts(amounts: dict[str, str], path: str) -> FieldErrors:
    """Quantities that may not be negative, by resource name."""
    errors: FieldErrors = []
    for name, amount in amounts.items():
        errors += [invalid(f"{path}[{name}]", name, f) for f in qualified_name_faults(name)]
        if parse_quantity(amount) < 0:
            errors.append(invalid(f"{path}[{name}]", amount, NOT_NEGATIVE))
    return errors


def first_of(faults: Iterable[str], path: str, value: Any) -> list[FieldError]:
    """Each fault as an invalid value."""
    return [invalid(path, value, fault) for fault in faults]
