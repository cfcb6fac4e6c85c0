"""Reading single keys of a ``config-*`` map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from wakeful.apimachinery.duration import parse_duration
from wakeful.apimachinery.errors import WakefulError
from wakeful.apimachinery.goscalars import parse_bool, parse_int
from wakeful.apimachinery.quantity import parse_quantity

T = TypeVar("T")


class ConfigError(WakefulError, ValueError):
    """A map holds a value that cannot be used; the message is upstream's."""

    def __init__(self, message: str, *, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def read(
    data: Mapping[str, str], keys: str | tuple[str, ...], parse: Callable[[str], T], default: T
) -> T:
    """The value under the last of ``keys`` that is present (older spellings come first).

    Raises:
        ConfigError: ``failed to parse "key": …``, for any spelling present.
    """
    value = default
    for key in (keys,) if isinstance(keys, str) else keys:
        if key in data:
            try:
                value = parse(data[key])
            except ValueError as err:
                raise ConfigError(f'failed to parse "{key}": {err}', key=key) from err
    return value


def as_bool(data: Mapping[str, str], key: str | tuple[str, ...], default: bool) -> bool:
    """A boolean in Go's spellings."""
    return read(data, key, parse_bool, default)


def as_int(data: Mapping[str, str], key: str | tuple[str, ...], default: int) -> int:
    """A 64-bit integer."""
    return read(data, key, parse_int, default)


def as_str(data: Mapping[str, str], key: str | tuple[str, ...], default: str) -> str:
    """Text, trimmed."""
    return read(data, key, str.strip, default)


def as_duration(
    data: Mapping[str, str], key: str | tuple[str, ...], default: timedelta
) -> timedelta:
    """A Go duration."""
    return read(data, key, parse_duration, default)


def as_quantity(
    data: Mapping[str, str], key: str | tuple[str, ...], default: str | None = None
) -> str | None:
    """A resource quantity, kept as it was written once it is known to be one."""

    def parse(text: str) -> str | None:
        parse_quantity(text)
        return text

    return read(data, key, parse, default)


def mapping_of(parsed: Any, what: str) -> Mapping[Any, Any]:
    """What YAML gave, if it is a mapping; nothing is an empty one.

    Raises:
        ValueError: It is something else.
    """
    if parsed is None:
        return {}
    if not isinstance(parsed, Mapping):
        raise ValueError(f"{what} is {parsed!r}, not a mapping")  # noqa: TRY004 - a user's text
    return parsed


def as_words(
    data: Mapping[str, str], key: str | tuple[str, ...], default: frozenset[str]
) -> frozenset[str]:
    """A comma-separated set."""

    def parse(text: str) -> frozenset[str]:
        return frozenset(word.strip() for word in text.split(","))

    return read(data, key, parse, default)
