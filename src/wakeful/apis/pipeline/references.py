"""Reading variables out of text: which ``$(…)`` there are, and which results they mean.

Text is only looked at here. What replaces variables by values is ``wakeful.pipelines``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.pipeline.param_types import Param, WhenExpression
from wakeful.apis.pipeline.pipeline_types import PipelineTask
from wakeful.apis.pipeline.scalars import texts_of

VARIABLE = re.compile(
    r"\$\(([_a-zA-Z0-9.-]+(?:\[(?:[0-9]+|\*|\"[^\"()]*\"|'[^'()]*')\])*[^()\s]*?)\)"
)
"""``$(name)``, ``$(name[0])``, ``$(name["with.dots"][*])``; what the shell means is left alone."""
_RESULT = re.compile(
    r"""^(?P<kind>tasks|finally|steps)\.(?P<owner>[^.\[\]]+)\.results
    (?:\.(?P<plain>[^.\[\]]+)|\["(?P<double>[^"]+)"\]|\['(?P<single>[^']+)'\])
    (?:\[(?P<index>[0-9]+|\*)\]|\.(?P<key>[^.\[\]]+)|\[(?P<bracket>[^\]]+)\])?$""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class ResultRef:
    """``tasks.build.results.digest[0]``: whose result, and which part of it."""

    owner: str
    """Name of the pipeline task, or of the step."""
    result: str
    index: int | None = None
    is_whole: bool = False
    """``[*]`` was given."""
    key: str = ""
    kind: str = "tasks"
    """``tasks``, ``finally`` or ``steps``."""


def variables_in(text: str) -> list[str]:
    """Names of the variables in a text, without ``$()``, in order."""
    return VARIABLE.findall(text) if "$(" in text else []


def parse_result(expression: str) -> ResultRef | None:
    """Read a variable's name as a result's; None when it is something else."""
    found = _RESULT.match(expression)
    if found is None:
        return None
    index = found["index"]
    return ResultRef(
        owner=found["owner"],
        result=found["plain"] or found["double"] or found["single"],
        index=int(index) if index and index != "*" else None,
        is_whole=index == "*",
        key=found["key"] or found["bracket"] or "",
        kind=found["kind"],
    )


def results_in(texts: Iterable[str], *kinds: str) -> Iterator[ResultRef]:
    """Every result that texts refer to; of pipeline tasks unless ``kinds`` say otherwise."""
    wanted = kinds or ("tasks",)
    for text in texts:
        for name in variables_in(text):
            ref = parse_result(name) if ".results" in name else None
            if ref is not None and ref.kind in wanted:
                yield ref


def texts_of_params(params: Iterable[Param]) -> Iterator[str]:
    """Every text among the values."""
    for param in params:
        yield from texts_of(param.value)


def texts_of_when(expressions: Iterable[WhenExpression]) -> Iterator[str]:
    """Every text that may have variables."""
    for expression in expressions:
        yield expression.input
        yield expression.cel
        yield from expression.values


def texts_in(value: object) -> Iterator[str]:
    """Every text anywhere in a model."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, APIModel):
        for member in value.__dict__.values():
            if member:
                yield from texts_in(member)
    elif isinstance(value, dict):
        for member in value.values():
            yield from texts_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from texts_in(member)


def texts_of_task(task: PipelineTask) -> Iterator[str]:
    """Every text through which a pipeline task may depend on others."""
    yield from texts_of_params(task.params)
    if task.matrix is not None:
        yield from texts_of_params(task.matrix.all_params)
    yield from texts_of_when(task.when)
    yield task.display_name
    if task.task_ref is not None:
        yield task.task_ref.name
        yield from texts_of_params(task.task_ref.params)
    for workspace in task.workspaces:
        yield workspace.sub_path
    if task.task_spec is not None:
        for step in task.task_spec.steps:
            yield from texts_in(step)
        for sidecar in task.task_spec.sidecars:
            yield from texts_in(sidecar)
        yield from texts_in(task.task_spec.step_template)


def results_of_task(task: PipelineTask) -> list[ResultRef]:
    """Results of other tasks this one uses, each once."""
    return list(dict.fromkeys(results_in(texts_of_task(task))))
