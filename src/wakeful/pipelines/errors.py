"""Why a run ends before its first step: somebody's mistake, as a reason and a sentence."""

from __future__ import annotations

USER_ERROR = "[User error] "


class RunFailedError(Exception):
    """A run cannot go on; the reconciler marks it failed with these words.

    Mistakes of users, as opposed to trouble of the platform, are marked as such, as upstream does.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason, self.message = str(reason), message


def user_error(text: str) -> str:
    """Mark a text as being about a user's mistake."""
    return text if USER_ERROR in text else USER_ERROR + text


def go_list(items: list[str]) -> str:
    """A list as Go prints it: ``[a b]``."""
    return f"[{' '.join(items)}]"


def go_map(items: dict[str, list[str]]) -> str:
    """A map of lists as Go prints it: ``map[a:[b c]]``."""
    inner = " ".join(f"{key}:{go_list(value)}" for key, value in sorted(items.items()))
    return f"map[{inner}]"
