"""The texts below the fields of models, read from the source when somebody asks for them.

pydantic can do this while classes are made, but searches all modules for every class: with the
kinds of this package that was two thirds of the time every command took to start.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import BaseModel

_Docs = Mapping[str, Mapping[str, str]]


def field_docs(model: type[BaseModel]) -> dict[str, str]:
    """Return field → text for what the model and those it inherits from say about their fields."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel):
            # A specialised generic has its generic in the same order of resolution.
            found |= _docs_of(cls.__module__).get(cls.__qualname__, {})
    return found


@cache
def _docs_of(module: str) -> _Docs:
    """Return class → field → text for one module; nothing where the source is not at hand."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):
        return {}
    return dict(_classes(tree, ""))


def _classes(parent: ast.Module | ast.ClassDef, above: str) -> Iterator[tuple[str, dict[str, str]]]:
    for node in parent.body:
        if isinstance(node, ast.ClassDef):
            name = f"{above}{node.name}"
            yield name, dict(_fields(node))
            yield from _classes(node, f"{name}.")


def _fields(cls: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for field, text in zip(cls.body, cls.body[1:], strict=False):
        match field, text:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(doc))),
            ):
                yield name, inspect.cleandoc(doc)
