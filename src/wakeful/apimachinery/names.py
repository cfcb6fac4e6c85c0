"""Names: validation, generated suffixes, and children that fit into 63 characters."""

from __future__ import annotations

import hashlib
import random
import re

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")

LABEL_MESSAGE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must"
    " start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for"
    " validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
LABEL_1035_MESSAGE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
    " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123',"
    " regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
SUBDOMAIN_MESSAGE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.',"
    " and must start and end with an alphanumeric character (e.g. 'example.com', regex used for"
    " validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def _check(value: str, pattern: re.Pattern[str], message: str, limit: int) -> list[str]:
    faults = []
    if len(value) > limit:
        faults.append(f"must be no more than {limit} characters")
    if not pattern.fullmatch(value):
        faults.append(message)
    return faults


def dns_label_faults(value: str) -> list[str]:
    """What keeps ``value`` from being an RFC 1123 label; empty when it is one."""
    return _check(value, _LABEL, LABEL_MESSAGE, 63)


def dns_1035_label_faults(value: str) -> list[str]:
    """What keeps ``value`` from being a DNS-1035 label."""
    return _check(value, _LABEL_1035, LABEL_1035_MESSAGE, 63)


def dns_subdomain_faults(value: str) -> list[str]:
    """What keeps ``value`` from being an RFC 1123 subdomain."""
    return _check(value, _SUBDOMAIN, SUBDOMAIN_MESSAGE, 253)


def random_suffix(length: int = 5) -> str:
    """Characters as ``generateName`` appends them: consonants and digits, so no words appear."""
    return "".join(random.choices(_ALPHABET, k=length))  # noqa: S311 - uniqueness, not secrecy


def generate_name(prefix: str) -> str:
    """A fresh name of at most 63 characters that starts with ``prefix``."""
    return prefix[:58] + random_suffix()


def child_name(parent: str, suffix: str) -> str:
    """``parent + suffix``, shortened by a hash when over 63 characters.

    The rule is Knative's (``kmeta.ChildName``), so names agree with upstream's.
    """
    name = parent + suffix
    if len(name) > 63:
        if len(suffix) >= 31:
            digest = _md5(parent + suffix)
            head = parent[:31]
            room = max(0, 63 - len(head) - len(digest))
            return re.sub(r"[^A-Za-z0-9]+\Z", "", head + digest + suffix[:room])
        name = parent[: 31 - len(suffix)] + _md5(parent) + suffix
    return name


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def safe_encode(text: str) -> str:
    """Map hexadecimal digits onto the alphabet of generated names (``rand.SafeEncodeString``)."""
    return "".join(_ALPHABET[ord(c) % len(_ALPHABET)] for c in text)
