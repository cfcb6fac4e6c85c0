"""When the API refuses a child, its owner's condition says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wakeful.apimachinery.conditions import CREATION_FAILED
from wakeful.apimachinery.errors import (
    AlreadyExistsError,
    APIStatusError,
    ConflictError,
    ExpiredError,
    TimedOutError,
    TooManyRequestsError,
)

MarkFailed = Callable[[str, str], None]
"""Sets a condition to False, with a reason and a message."""

_AGAIN = (AlreadyExistsError, ConflictError, ExpiredError, TimedOutError, TooManyRequestsError)


@contextmanager
def telling(mark: MarkFailed, what: str) -> Iterator[None]:
    """Run a write of ``what``; validation, a quota or a right that forbids it is told by ``mark``.

    The error goes on to whoever retries. What passes by itself, such as a conflict or a server that
    is not there, is not told: the condition would flicker.
    """
    try:
        yield
    except APIStatusError as err:
        if is_refusal(err):
            mark(CREATION_FAILED, f"Failed to write {what}: {err.message}")
        raise


def is_refusal(err: Exception) -> bool:
    """Whether the API has said no, and will again until somebody changes something."""
    return isinstance(err, APIStatusError) and err.code < 500 and not isinstance(err, _AGAIN)
