"""Whether a step's ``when`` holds, once results of earlier steps are known. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wakeful.pipelines.cel import evaluate_cel
from wakeful.pipelines.entrypoint import StepResults, substitute, substitute_words


def allows(when: Sequence[Mapping[str, Any]], results: StepResults | None) -> bool:
    """Whether all of ``when`` holds; without ``results``, references stay as they are written.

    Raises:
        StepResultError: A reference to a step's result that cannot be followed.
        CELError: A condition in CEL that cannot be evaluated.
    """
    return all(_holds(one, results) for one in when)


def _holds(expression: Mapping[str, Any], results: StepResults | None) -> bool:
    if condition := str(expression.get("cel", "")):
        return evaluate_cel(condition if results is None else substitute(condition, results))
    wanted = str(expression.get("input", ""))
    values = [str(value) for value in expression.get("values") or ()]
    if results is not None:
        wanted, values = substitute(wanted, results), substitute_words(values, results)
    found = wanted in values
    return not found if expression.get("operator") == "notin" else found
