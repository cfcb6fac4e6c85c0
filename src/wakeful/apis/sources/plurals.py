"""How a kind is called in URLs, by the rule of English that upstream goes by."""

from __future__ import annotations

_SAME = ("endpoints",)


def guess_plural(kind: str) -> str:
    """``Event`` is ``events``, ``NetworkPolicy`` is ``networkpolicies``."""
    singular = kind.lower()
    if not singular or singular in _SAME:
        return singular
    match singular[-1]:
        case "s":
            return f"{singular}es"
        case "y":
            return f"{singular[:-1]}ies"
        case _:
            return f"{singular}s"
