"""Whether a task (or step) runs: all of its conditions must hold."""

from __future__ import annotations

from collections.abc import Iterable

from wakeful.apis.pipeline import WhenExpression
from wakeful.pipelines.cel import evaluate_cel


def allows(expressions: Iterable[WhenExpression]) -> bool:
    """Whether every condition holds; variables were replaced before.

    Raises:
        CELError: One in CEL cannot be evaluated.
    """
    held = [_holds(expression) for expression in expressions]  # all are looked at, as upstream
    return all(held)


def _holds(expression: WhenExpression) -> bool:
    if expression.cel:
        return evaluate_cel(expression.cel)
    found = expression.input in expression.values
    return found if expression.operator == "in" else not found
