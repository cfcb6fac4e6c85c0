"""Scalars that the built-in kinds share: quantities, and numbers that may be text."""

from __future__ import annotations

from decimal import ROUND_UP, Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from wakeful.apimachinery.quantity import parse_quantity

_DECIMAL = {-9: "n", -6: "u", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T", 15: "P", 18: "E"}
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_NANO = Decimal("1e-9")


def canonical_quantity(value: Any) -> Any:
    """Write a quantity as Kubernetes stores it: ``0.5`` is ``500m``, ``1024Mi`` is ``1Gi``.

    Numbers are accepted; what is neither text nor a number is left for the validator to refuse.

    Raises:
        ValueError: The text is not a quantity.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value)
    number = parse_quantity(text)
    if text.endswith("i") and abs(number) >= 1024:
        return _binary(number)
    exponential = not text.endswith(("e", "E")) and ("e" in text or "E" in text)
    return _decimal(number, exponential=exponential)


def _binary(number: Decimal) -> str:
    whole, suffix = int(number.to_integral_value(ROUND_UP)), 0
    while whole % 1024 == 0 and suffix < len(_BINARY) - 1:
        whole //= 1024
        suffix += 1
    return f"{whole}{_BINARY[suffix]}"


def _decimal(number: Decimal, *, exponential: bool) -> str:
    whole, exponent = int((number / _NANO).to_integral_value(ROUND_UP)), -9
    if not whole:
        return "0"
    while whole % 1000 == 0 and exponent < 18:
        whole //= 1000
        exponent += 3
    if exponential:
        return f"{whole}e{exponent}" if exponent else str(whole)
    return f"{whole}{_DECIMAL[exponent]}"


def parse_int_or_percent(value: int | str, total: int, *, round_up: bool) -> int:
    """Resolve ``3`` or ``25%`` of ``total``.

    Raises:
        ValueError: The text is not a percentage.
    """
    if isinstance(value, int):
        return value
    digits = value[:-1]
    if not value.endswith("%") or not digits.isdigit():
        raise ValueError(f"invalid value {value!r}: must be an integer or a percentage")
    scaled = int(digits) * total
    return -(-scaled // 100) if round_up else scaled // 100


Quantity = Annotated[str, BeforeValidator(canonical_quantity, json_schema_input_type=str | float)]
"""An amount in canonical text."""
ResourceList = dict[str, Quantity]
"""Amounts by resource name: ``cpu``, ``memory``."""
IntOrString = Annotated[
    int | str,
    WithJsonSchema({"x-kubernetes-int-or-string": True}),
]
"""A number, or text such as a port's name or a percentage."""

__all__ = [
    "IntOrString",
    "Quantity",
    "ResourceList",
    "canonical_quantity",
    "parse_int_or_percent",
]
