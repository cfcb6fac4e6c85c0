"""Rules for conditions."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apimachinery.fields import FieldError, FieldErrors, invalid_value, missing_field, under
from wakeful.apis.pipeline.admission import Settings, quote
from wakeful.apis.pipeline.celfaults import cel_faults
from wakeful.apis.pipeline.param_types import WhenExpression

_OPERATORS = ("in", "notin")


def validate_when(expressions: Sequence[WhenExpression], settings: Settings) -> FieldErrors:
    """Conditions of a pipeline task or a step."""
    errors: FieldErrors = []
    for index, expression in enumerate(expressions):
        errors += under(f"when[{index}]", _faults(expression, settings))
    return errors


def _faults(expression: WhenExpression, settings: Settings) -> FieldErrors:
    if expression.cel:
        return _cel_faults(expression, settings)
    if expression == WhenExpression():
        return [missing_field("")]
    if expression.operator not in _OPERATORS:
        return [
            invalid_value(
                f"operator {quote(expression.operator)} is not recognized. valid operators:"
                f" {','.join(_OPERATORS)}",
                "",
            )
        ]
    if not expression.values:
        return [invalid_value("expecting non-empty values field", "")]
    return []


def _cel_faults(expression: WhenExpression, settings: Settings) -> FieldErrors:
    text = expression.cel
    if not settings.flags.cel_in_when:
        return [
            FieldError(
                "feature flag enable-cel-in-whenexpression should be set to true to use CEL:"
                f" {text} in WhenExpression",
                ("",),
            )
        ]
    if expression.input or expression.operator or expression.values:
        values = " ".join(expression.values)
        shown = f"{{{expression.input} {expression.operator} [{values}] {text}}}"
        return [
            FieldError(
                "cel and input+operator+values cannot be set in one WhenExpression: " + shown,
                ("",),
            )
        ]
    fault = cel_fault(text)
    return [FieldError(f"invalid cel expression: {text} with err: {fault}", ("",))] if fault else []


def cel_fault(text: str) -> str:
    """Why an expression cannot be read; empty when it can."""
    import cel  # see celfaults

    try:
        with cel_faults(ValueError):
            cel.compile(text)
    except ValueError as err:
        return str(err)
    return ""
