"""Which form of an answer a client accepts."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from wakeful.apimachinery.errors import NotAcceptableError

JSON, YAML, PROTOBUF = (
    "application/json",
    "application/yaml",
    "application/vnd.kubernetes.protobuf",
)


class Form(Enum):
    """How an object is shown."""

    OBJECT = auto()
    TABLE = auto()
    METADATA = auto()


@dataclass(frozen=True, slots=True)
class MediaType:
    """One clause of an Accept header."""

    name: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What will be sent."""

    form: Form = Form.OBJECT
    yaml: bool = False
    version: str = "v1"
    """Version of ``meta.k8s.io`` for tables and metadata."""


def parse_accept(header: str) -> list[MediaType]:
    """Split an Accept header; the order of clauses is the order of preference."""
    clauses = []
    for clause in header.split(","):
        name, *params = clause.split(";")
        if not name.strip():
            continue
        pairs = (p.partition("=") for p in params)
        clauses.append(
            MediaType(
                name.strip().lower(),
                {k.strip().lower(): v.strip().strip('"') for k, _, v in pairs if k.strip()},
            )
        )
    return clauses


def negotiate(header: str, *, plain_only: bool = False) -> Accepted:
    """Pick the first clause that can be served.

    Raises:
        NotAcceptableError: None can.
    """
    clauses = parse_accept(header)
    if not clauses:
        return Accepted()
    for clause in clauses:
        accepted = _serve(clause, plain_only=plain_only)
        if accepted is not None:
            return accepted
    raise NotAcceptableError(
        f"only the following media types are accepted: {JSON}, {YAML}", details={}
    )


def _serve(clause: MediaType, *, plain_only: bool) -> Accepted | None:
    yaml = clause.name == YAML
    if clause.name not in (JSON, YAML, "*/*", "application/*"):
        return None
    shape = clause.params.get("as", "")
    if not shape:
        return Accepted(yaml=yaml)
    if plain_only or clause.params.get("g") != "meta.k8s.io":
        return None
    version = clause.params.get("v", "v1")
    if version not in ("v1", "v1beta1"):
        return None
    if shape == "Table":
        return Accepted(Form.TABLE, yaml, version)
    if shape in ("PartialObjectMetadata", "PartialObjectMetadataList"):
        return Accepted(Form.METADATA, yaml, version)
    return None
