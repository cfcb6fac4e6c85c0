"""Numbers and booleans as text, by the rules of the Go standard library.

Every upstream config map and annotation is read and quoted back by Go, so a value that is legal
there must be legal here, with the same words when it is not. Durations have their own module.
"""

from __future__ import annotations

import math
import re

INT32_MAX = 2**31 - 1

_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


class OutOfRangeError(ValueError):
    """The text is a number, but not one the type can hold."""


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'


def parse_bool(text: str) -> bool:
    """Read a boolean; only Go's twelve spellings are one."""
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError(f"strconv.ParseBool: parsing {_quote(text)}: invalid syntax")


def parse_int(text: str, bits: int = 64) -> int:
    """Read a decimal integer of ``bits`` bits.

    Raises:
        OutOfRangeError: The number does not fit.
        ValueError: It is no number.
    """
    if not _INT.fullmatch(text):
        raise ValueError(f"strconv.ParseInt: parsing {_quote(text)}: invalid syntax")
    limit = 2 ** (bits - 1)
    # Only as many digits as may matter: Python refuses to convert absurdly long ones.
    digits = text.lstrip("+-").lstrip("0")
    value = int(digits or "0") if len(digits) <= 20 else limit + 1
    value = -value if text.startswith("-") else value
    if not -limit <= value < limit:
        raise OutOfRangeError(f"strconv.ParseInt: parsing {_quote(text)}: value out of range")
    return value


def parse_float(text: str) -> float:
    """Read a finite decimal number.

    Go also reads infinities, NaN and hexadecimal fractions; no setting has a use for them, and
    some decisions have no answer for them, so they are refused.
    """
    if not _FLOAT.fullmatch(text):
        raise ValueError(f"strconv.ParseFloat: parsing {_quote(text)}: invalid syntax")
    value = float(text)
    if not math.isfinite(value):
        raise OutOfRangeError(f"strconv.ParseFloat: parsing {_quote(text)}: value out of range")
    return value


def format_float(value: float) -> str:
    """Write a number as Go's ``%v`` does: ``70``, ``0.7``, ``1e+21``."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = repr(value) if abs(value) < 1e16 else f"{value:.0f}"
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].rjust(2, '0')}"


def in_int32(value: float) -> float:
    """The nearest number that Go's ``int32`` can hold, before it is rounded: infinity cannot be."""
    return max(-INT32_MAX, min(INT32_MAX, value))
