"""Where something came from, and what it was made of."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from wakeful.apimachinery.meta import APIModel


class RefSource(APIModel):
    """Where a resolver found a task or pipeline."""

    uri: str = ""
    digest: dict[str, str] = Field(default_factory=dict)
    entry_point: str = ""


class Provenance(APIModel):
    """Source of what a run carries out, and the feature flags at the time."""

    ref_source: RefSource | None = None
    feature_flags: dict[str, Any] | None = None


class ArtifactValue(APIModel):
    """One thing, by address and digest."""

    uri: str = ""
    digest: dict[str, str] = Field(default_factory=dict)


class Artifact(APIModel):
    """Things a step took in or put out under one name."""

    name: str = ""
    values: list[ArtifactValue] = Field(default_factory=list)
    build_output: bool = False


class Artifacts(APIModel):
    """Everything a task took in and put out."""

    inputs: list[Artifact] = Field(default_factory=list)
    outputs: list[Artifact] = Field(default_factory=list)
