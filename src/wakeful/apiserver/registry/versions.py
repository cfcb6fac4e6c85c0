"""Resource versions and continue tokens as clients send them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from wakeful.apimachinery.errors import BadRequestError, ExpiredError, InvalidError, TimedOutError
from wakeful.apimachinery.fields import forbidden, not_supported, to_causes

_MATCHES = ("NotOlderThan", "Exact")


def parse_revision(text: str) -> int:
    """Read a resourceVersion; empty counts as 0.

    Raises:
        BadRequestError: It is none of ours.
    """
    if not text:
        return 0
    if not (text.isascii() and text.isdigit()) or len(text) > 19:
        raise BadRequestError(f"Invalid value: {text!r}: resourceVersion is not a number")
    return int(text)


def require_reached(wanted: int, current: int) -> None:
    """Refuse a version that does not exist yet.

    Raises:
        TimedOutError: It is in the future.
    """
    if wanted > current:
        raise TimedOutError(
            f"Too large resource version: {wanted}, current: {current}",
            details={
                "causes": [
                    {
                        "reason": "ResourceVersionTooLarge",
                        "message": "Too large resource version",
                    }
                ],
                "retryAfterSeconds": 1,
            },
        )


def check_match(params: Mapping[str, str], *, watch: bool) -> None:
    """Check resourceVersionMatch and sendInitialEvents against each other.

    Raises:
        InvalidError: A combination that means nothing.
    """
    match, initial = params.get("resourceVersionMatch", ""), params.get("sendInitialEvents", "")
    errors = []
    if match and match not in _MATCHES:
        errors.append(not_supported("resourceVersionMatch", match, _MATCHES))
    elif watch:
        if initial and not match:
            errors.append(
                forbidden(
                    "resourceVersionMatch",
                    "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
                )
            )
        elif initial and match != "NotOlderThan":
            errors.append(not_supported("resourceVersionMatch", match, ["NotOlderThan"]))
        elif match and not initial:
            errors.append(
                forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden for watch unless sendInitialEvents is"
                    " provided",
                )
            )
    else:
        if initial:
            errors.append(forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"))
        if match and not params.get("resourceVersion"):
            errors.append(
                forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                )
            )
        if match == "Exact" and params.get("resourceVersion") == "0":
            errors.append(
                forbidden(
                    "resourceVersionMatch",
                    'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
                )
            )
    if errors:
        raise InvalidError.of("ListOptions", "meta.k8s.io", "", to_causes(errors))


@dataclass(frozen=True, slots=True)
class ContinueToken:
    """Where a list goes on: after an object, in the version of its first page."""

    revision: int
    namespace: str
    name: str

    def encode(self) -> str:
        """Opaque text for ``metadata.continue``."""
        raw = orjson.dumps({"rv": self.revision, "ns": self.namespace, "n": self.name})
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str, oldest_revision: int) -> ContinueToken:
        """Read a token.

        Raises:
            BadRequestError: It was damaged.
            ExpiredError: Its list began before the history kept.
        """
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            data = orjson.loads(raw)
            token = cls(data["rv"], data["ns"], data["n"])
            fine = (
                isinstance(token.revision, int)
                and isinstance(token.namespace, str)
                and isinstance(token.name, str)
            )
        except (binascii.Error, ValueError, TypeError, KeyError) as err:
            raise BadRequestError("continue key is not valid") from err
        if not fine:
            raise BadRequestError("continue key is not valid")
        if token.revision < oldest_revision:
            raise ExpiredError(
                "The provided continue parameter is too old to display a consistent list result."
                " You can start a new list without the continue parameter."
            )
        return token
