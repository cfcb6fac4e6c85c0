"""Parameters, results, conditions, fan-out: what tasks and pipelines have in common."""

from __future__ import annotations

from pydantic import Field

from wakeful.apimachinery.meta import APIModel
from wakeful.apis.pipeline.scalars import ParamValue


class PropertySpec(APIModel):
    """The type of one key of an object; only ``string`` exists."""

    type: str = ""


class ParamSpec(APIModel):
    """A parameter that may be given; without a default it must be."""

    name: str = ""
    type: str = ""
    description: str = ""
    properties: dict[str, PropertySpec] = Field(default_factory=dict)
    """Keys an object has."""
    default: ParamValue | None = None
    enum: list[str] = Field(default_factory=list)
    """The only values allowed."""


class Param(APIModel):
    """A parameter that is given."""

    name: str = ""
    value: ParamValue = ""


class ResolverRef(APIModel):
    """Where to fetch something that is not in the namespace."""

    resolver: str = ""
    """Name of the resolver: ``git``, ``http``, ``hub``, ``bundles``, ``cluster``."""
    params: list[Param] = Field(default_factory=list)
    """What the resolver needs to know."""


class ResultSpec(APIModel):
    """A result a step or task promises."""

    name: str = ""
    type: str = ""
    properties: dict[str, PropertySpec] = Field(default_factory=dict)
    description: str = ""


class TaskResult(ResultSpec):
    """A result of a task; with a value, it is lifted from a step's."""

    value: ParamValue | None = None


class ResultValue(APIModel):
    """A result that was produced."""

    name: str = ""
    type: str = ""
    value: ParamValue = ""


class WhenExpression(APIModel):
    """A condition: ``input`` is (or is not) among ``values``, or ``cel`` is true."""

    input: str = ""
    operator: str = ""
    """``in`` or ``notin``."""
    values: list[str] = Field(default_factory=list)
    cel: str = ""


class IncludeParams(APIModel):
    """Parameters added to the rows of a matrix they match, or a row of their own."""

    name: str = ""
    params: list[Param] = Field(default_factory=list)


class Matrix(APIModel):
    """One run for each combination of parameters."""

    params: list[Param] = Field(default_factory=list)
    include: list[IncludeParams] = Field(default_factory=list)

    @property
    def all_params(self) -> list[Param]:
        """Every parameter, those of ``include`` last."""
        return [*self.params, *(p for row in self.include for p in row.params)]
