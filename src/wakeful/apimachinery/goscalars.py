"""Numbers, booleans and durations as text, by the rules of the Go standard library.

Every upstream config map and annotation is read and quoted back by Go, so a value that is legal
there must be legal here, with the same words when it is not. Durations are whole nanoseconds.
"""

from __future__ import annotations

import math
import re

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

_UNITS = {
    "ns": NANOSECOND,
    "us": MICROSECOND,
    "µs": MICROSECOND,  # micro sign
    "μs": MICROSECOND,  # Greek letter mu
    "ms": MILLISECOND,
    "s": SECOND,
    "m": MINUTE,
    "h": HOUR,
}
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_NUMBER = re.compile(r"([0-9]*)(?:\.([0-9]*))?")
_UNIT = re.compile(r"[^0-9.]+")
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


def parse_duration(text: str) -> int:
    """Read a duration such as ``1h30m``, ``1.5s`` or ``-250ms`` into nanoseconds."""
    invalid = ValueError(f"time: invalid duration {_quote(text)}")
    rest, sign = text, 1
    if rest[:1] in ("+", "-"):
        sign = -1 if rest[0] == "-" else 1
        rest = rest[1:]
    if rest == "0":
        return 0
    if not rest:
        raise invalid
    total = 0
    while rest:
        number = _NUMBER.match(rest)
        assert number is not None  # the pattern matches the empty text too
        whole, fraction = number.group(1), number.group(2) or ""
        if not whole and not fraction:
            raise invalid
        rest = rest[number.end() :]
        unit = _UNIT.match(rest)
        if unit is None:
            raise ValueError(f"time: missing unit in duration {_quote(text)}")
        name = unit.group()
        if name not in _UNITS:
            raise ValueError(f"time: unknown unit {_quote(name)} in duration {_quote(text)}")
        rest = rest[unit.end() :]
        if len(whole) > 19:
            raise invalid
        scale = _UNITS[name]
        total += int(whole or "0") * scale
        if fraction:
            total += int(fraction[:18]) * scale // 10 ** len(fraction[:18])
        if total > INT64_MAX:
            raise invalid
    return sign * total


def format_duration(nanoseconds: int) -> str:
    """Write a duration as Go does: ``1h0m0s``, ``1m30s``, ``1.5s``, ``250ms``, ``0s``."""
    if nanoseconds == 0:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < SECOND:
        for name, scale in (("ms", MILLISECOND), ("µs", MICROSECOND), ("ns", NANOSECOND)):
            if rest >= scale:
                return f"{sign}{_decimal(rest, scale)}{name}"
    minutes, seconds = divmod(rest, MINUTE)
    hours, minutes = divmod(minutes, 60)
    text = f"{_decimal(seconds, SECOND)}s"
    if hours:
        text = f"{hours}h{minutes}m{text}"
    elif minutes:
        text = f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, scale: int) -> str:
    whole, fraction = divmod(value, scale)
    if not fraction:
        return str(whole)
    width = len(str(scale)) - 1
    return f"{whole}.{fraction:0{width}d}".rstrip("0")


def format_float(value: float) -> str:
    """Write a number as Go's ``%v`` does: ``70``, ``0.7``, ``1e+21``."""
    if value == 0 or 1e-4 <= abs(value) < 1e21:
        text = repr(value) if abs(value) < 1e16 else f"{value:.0f}"
        return text.removesuffix(".0")
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    return f"{mantissa.removesuffix('.0')}e{exponent[0]}{exponent[1:].rjust(2, '0')}"
