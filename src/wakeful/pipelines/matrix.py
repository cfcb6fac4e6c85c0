"""Fan-out: the rows of a matrix, and how many they are."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apis.pipeline import Matrix, Param, PipelineTask
from wakeful.apis.pipeline.references import variables_in

Row = dict[str, str]


def rows_of(matrix: Matrix) -> list[list[Param]]:
    """Parameters of every run, by name within a row.

    The first parameter varies fastest. A row of ``include`` whose parameters all agree with a row
    (those the row does not have agree) is added to it; one of which nothing agrees with any row is
    a row of its own. Every value is a list by now, those of ``include`` are text.
    """
    included = [{p.name: _text(p) for p in row.params} for row in matrix.include]
    if not matrix.params:
        return _sorted(included)
    rows: list[Row] = [{}]
    for param in matrix.params:
        values = param.value if isinstance(param.value, list) else []
        rows = [row | {param.name: value} for value in values for row in rows]
    for row in rows:
        for extra in included:
            if all(row.get(name, value) == value for name, value in extra.items()):
                row.update(extra)
    for extra in included:
        if extra and not any(row.get(n) == v for row in rows for n, v in extra.items()):
            rows.append(extra)
    return _sorted(rows)


def count_rows(matrix: Matrix) -> int:
    """How many rows its parameters make; rows that ``include`` adds to them do not count."""
    count = 1 if matrix.params else 0
    for param in matrix.params:
        count *= len(param.value) if isinstance(param.value, list) else 0
    return count + (len(matrix.include) if not matrix.params else 0)


def _text(param: Param) -> str:
    return param.value if isinstance(param.value, str) else ""


def _sorted(rows: Sequence[Row]) -> list[list[Param]]:
    return [[Param(name=name, value=row[name]) for name in sorted(row)] for row in rows]


def has_empty_array(task: PipelineTask) -> bool:
    """Whether a matrix yields no row because one of its parameters has no value."""
    return task.matrix is not None and any(p.value == [] for p in task.matrix.params)


def mistyped(task: PipelineTask) -> str:
    """What is wrong with the types of a matrix, once results are in; empty when nothing is."""
    if task.matrix is None:
        return ""
    for row in task.matrix.include:
        for param in row.params:
            if not isinstance(param.value, str):
                return _complaint("string", param, task)
    for param in task.matrix.params:
        if isinstance(param.value, list):
            continue
        if isinstance(param.value, str) and variables_in(param.value):
            continue
        return _complaint("array", param, task)
    return ""


def _complaint(wanted: str, param: Param, task: PipelineTask) -> str:
    found = "object" if isinstance(param.value, dict) else "string"
    if isinstance(param.value, list):
        found = "array"
    return (
        f'parameters of type {wanted} only are allowed, but param "{param.name}" has type "{found}"'
        f' in pipelineTask "{task.name}"'
    )
