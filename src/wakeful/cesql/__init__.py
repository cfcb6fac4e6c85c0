"""CESQL: the CloudEvents SQL Expression Language, version 1.

An expression over the attributes of one event yields a string, an integer or a boolean, and always
does: an error is a value that comes beside it. Pure, and it knows nothing of events but a function
that looks up attributes, so that the API can check expressions without knowing events either.
"""

from __future__ import annotations

from dataclasses import dataclass

from wakeful.cesql.errors import ErrorKind, EvaluationError, ParseError
from wakeful.cesql.functions import BUILTIN, Function, Functions
from wakeful.cesql.nodes import Call, Lookup, Node
from wakeful.cesql.parser import parse
from wakeful.cesql.values import Failed, Value, zero

__all__ = [
    "BUILTIN",
    "ErrorKind",
    "EvaluationError",
    "Function",
    "Functions",
    "Lookup",
    "Node",
    "ParseError",
    "Result",
    "Value",
    "evaluate",
    "parse",
]


@dataclass(frozen=True, slots=True)
class Result:
    """What an expression is for one event; ``errors`` has the one that ended the evaluation."""

    value: Value
    errors: tuple[EvaluationError, ...] = ()

    @property
    def passes(self) -> bool:
        """As a filter: true, and without an error (section 1.2)."""
        return self.value is True and not self.errors


def evaluate(node: Node, lookup: Lookup) -> Result:
    """Evaluate a parsed expression for the event whose attributes ``lookup`` gives."""
    try:
        return Result(node.evaluate(lookup))
    except Failed as failed:
        own = isinstance(node, Call) and failed.node is node
        return Result(failed.value if own else zero(node.type), (failed.error,))
