"""Conditions in CEL, the expression language of ``when``; variables were replaced before."""

from __future__ import annotations

from wakeful.apis.pipeline.celfaults import cel_faults


class CELError(ValueError):
    """An expression cannot be read or evaluated, or is not a condition."""


def evaluate_cel(expression: str) -> bool:
    """Whether an expression without variables is true.

    Raises:
        CELError: It is no expression, fails, or yields something else than true or false.
    """
    import cel  # see celfaults

    with cel_faults(CELError):
        found = cel.evaluate(expression)
    if not isinstance(found, bool):
        raise CELError(f"The CEL expression {expression} is not evaluated to a boolean")
    return found
