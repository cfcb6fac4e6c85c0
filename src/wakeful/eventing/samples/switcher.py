"""The programs of the book's Parallel: a switcher, a filter and a transformer, by expressions.

Environment: EXPRESSION and CASES (a list; ``/N`` answers the event if the expression equals the
N-th), FILTER (answers the event if it is true), TRANSFORMER (answers the event with this value as
its data). An expression sees ``event``.
"""

from __future__ import annotations

import json
import os
import sys

from wakeful.eventing.samples.expressions import Expression, ExpressionError
from wakeful.eventing.samples.httpd import Request, Response, serve
from wakeful.eventing.samples.messages import (
    ATTRIBUTES,
    Event,
    NoEventError,
    read_event,
    write_event,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_JSON = "application/json; charset=utf-8"


def _variables(event: Event) -> dict[str, Any]:
    members: dict[str, Any] = {**event.attributes, **event.extensions}
    members |= {name: event.get(name) for name in ("id", "type", "source", "time", "subject")}
    try:
        members["data"] = event.json()
    except ValueError:
        members["data"] = (event.data or b"").decode("utf-8", "replace")
    return {"event": members}


def _answer(event: Event) -> Response:
    headers, body = write_event(event)
    return Response(200, body, headers)


def make_switcher(expression: Expression, cases: list[Any]) -> Callable[[Event, str], Response]:
    """Pass events for which the expression equals the case that the path numbers."""

    def switch(event: Event, path: str) -> Response:
        number = path.strip("/")
        if not number.isdigit() or int(number) >= len(cases):
            return Response(404, f"there is no case {path}\n".encode())
        matches = expression.evaluate(_variables(event)) == cases[int(number)]
        return _answer(event) if matches else Response(200)

    return switch


def make_filter(expression: Expression) -> Callable[[Event, str], Response]:
    """Pass events for which the expression is true."""

    def select(event: Event, path: str) -> Response:
        return _answer(event) if expression.evaluate(_variables(event)) else Response(200)

    return select


def make_transformer(expression: Expression) -> Callable[[Event, str], Response]:
    """Replace the data by the expression's value."""

    def transform(event: Event, path: str) -> Response:
        value = expression.evaluate(_variables(event))
        event.data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        event.attributes[ATTRIBUTES[event.version][-1]] = _JSON
        return _answer(event)

    return transform


def choose(environment: dict[str, str]) -> Callable[[Event, str], Response]:
    """The program that the environment describes.

    Raises:
        ValueError: An expression or the list of cases is not understood.
    """
    if text := environment.get("TRANSFORMER"):
        return make_transformer(Expression(text))
    if text := environment.get("FILTER"):
        return make_filter(Expression(text))
    if text := environment.get("EXPRESSION"):
        return make_switcher(Expression(text), json.loads(environment.get("CASES") or "[]"))
    raise ValueError("one of EXPRESSION, FILTER and TRANSFORMER must be set")


def main() -> None:
    """Run until told to end."""
    try:
        program = choose(dict(os.environ))
    except ValueError as error:
        sys.exit(f"the expression cannot be used: {error}")

    def handle(request: Request) -> Response:
        if request.method != "POST":
            return Response(405, b"only POST is accepted\n", {"allow": "POST"})
        try:
            return program(read_event(request.headers, request.body), request.path)
        except (NoEventError, ExpressionError) as error:
            return Response(400, f"{error}\n".encode())

    serve(handle)
