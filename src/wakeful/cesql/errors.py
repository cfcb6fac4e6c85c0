"""Errors of the language: one raised while parsing, the others values of an evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from wakeful.apimachinery.errors import WakefulError


class ErrorKind(StrEnum):
    """The kinds the specification names (section 3.3), as its test tables spell them."""

    PARSE = "parse"
    MATH = "math"
    CAST = "cast"
    MISSING_FUNCTION = "missingFunction"
    FUNCTION_EVALUATION = "functionEvaluation"
    MISSING_ATTRIBUTE = "missingAttribute"
    GENERIC = "generic"


class ParseError(WakefulError):
    """The text is no expression; ``position`` counts characters from 0."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(f"{message} at position {position + 1}")
        self.position = position


@dataclass(frozen=True, slots=True)
class EvaluationError:
    """What went wrong while evaluating; the expression has a value all the same."""

    kind: ErrorKind
    message: str
