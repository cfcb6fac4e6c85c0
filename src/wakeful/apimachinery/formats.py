"""Formats of text that schemas name; an unknown format accepts everything."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from urllib.parse import urlsplit

from wakeful.apimachinery.duration import parse_duration

_PART = "[A-Za-z0-9]([-A-Za-z0-9]*[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z){_PART}(\.{_PART})*")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_DATE_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _date_time(text: str) -> None:
    if not _DATE_TIME.fullmatch(text):
        raise ValueError(text)
    datetime.fromisoformat(text.upper())


def _byte(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error as err:
        raise ValueError(text) from err


def _ip(version: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        if ipaddress.ip_address(text).version != version:
            raise ValueError(text)

    return check


def _matching(pattern: re.Pattern[str]) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not pattern.fullmatch(text):
            raise ValueError(text)

    return check


def _uri(text: str) -> None:
    if not urlsplit(text).scheme:
        raise ValueError(text)


_PARSERS: Mapping[str, Callable[[str], Any]] = {
    "date-time": _date_time,
    "datetime": _date_time,
    "date": date.fromisoformat,
    "duration": parse_duration,
    "byte": _byte,
    "uuid": uuid.UUID,
    "ipv4": _ip(4),
    "ipv6": _ip(6),
    "cidr": ipaddress.ip_interface,
    "hostname": _matching(_HOST),
    "email": _matching(_EMAIL),
    "uri": _uri,
}


def has_format(name: str, text: str) -> bool:
    """Whether ``text`` is written in the format of that name."""
    parser = _PARSERS.get(name)
    if parser is None:
        return True
    try:
        parser(text)
    except (ValueError, OverflowError):
        return False
    return True
