"""What every object has: type, metadata, owner references; and the model class all kinds share.

Conventions for models (the rest of the platform relies on them):

* a field nobody set is ``None`` or an empty container; defaults with a meaning are filled in by the
  kind's ``set_defaults``, never by the model. So :meth:`APIModel.to_wire` can leave out what equals
  the model's default, and an explicit ``0`` or ``false`` survives;
* Python names are snake_case, the wire is camelCase;
* unknown fields are dropped on reading (pruned); the API server reports them beforehand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel


def parse_time(value: Any) -> Any:
    """Read RFC 3339 text; anything else is left for the validator to refuse."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError as err:
            raise ValueError(f"parsing time {value!r} as RFC 3339 failed") from err
        if parsed.tzinfo is None:
            raise ValueError(f"parsing time {value!r} as RFC 3339 failed: no time zone")
        return parsed.astimezone(UTC)
    return value


def format_time(value: datetime) -> str:
    """``2026-01-02T03:04:05Z``: whole seconds, as ``meta/v1 Time``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro_time(value: datetime) -> str:
    """``2026-01-02T03:04:05.000006Z``: always six digits, as ``meta/v1 MicroTime``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Time = Annotated[datetime, BeforeValidator(parse_time), PlainSerializer(format_time)]
MicroTime = Annotated[datetime, BeforeValidator(parse_time), PlainSerializer(format_micro_time)]


class APIModel(BaseModel):
    """Base of everything that travels as JSON."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        strict=True,
        extra="ignore",
        defer_build=True,  # what reads and writes a model is made when that is first done
        protected_namespaces=(),
    )

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        """Complete the model, the models in its fields first.

        A model that is complete is taken as it is; otherwise each that contains it would have a
        copy, which takes twice the time and thirty megabytes in all.
        """
        if cls not in _completing:
            _completing.add(cls)
            try:
                for part in _models_in(field.annotation for field in cls.model_fields.values()):
                    if not part.__pydantic_complete__:
                        part.model_rebuild(raise_errors=False)
            finally:
                _completing.discard(cls)
        return super().model_rebuild(
            force=force,
            raise_errors=raise_errors,
            _parent_namespace_depth=_parent_namespace_depth + 1,
            _types_namespace=_types_namespace,
        )

    @classmethod
    def from_wire(cls, data: Mapping[str, Any]) -> Self:
        """Parse JSON-like data; explicit nulls count as absent.

        Raises:
            pydantic.ValidationError: A field has the wrong type; ``loc`` is its camelCase path.
        """
        return cls.model_validate(drop_nulls(data), by_alias=True, by_name=False)

    def to_wire(self) -> dict[str, Any]:
        """Return JSON-like data without what is unset or equal to the model's default."""
        return self.model_dump(by_alias=True, exclude_none=True, exclude_defaults=True)

    def deep_copy(self) -> Self:
        """Return an independent copy."""
        return self.model_copy(deep=True)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Copy models, dicts and lists; everything else in a model is immutable.

        Caches hand out copies on every reconcile, so this is several times as fast as the general
        way, which looks for shared and cyclic parts that JSON does not have.
        """
        return _copy_model(self)


_completing: set[type[APIModel]] = set()
"""Models that contain themselves are met again on the way."""


def _models_in(annotations: Iterable[Any]) -> Iterator[type[APIModel]]:
    for annotation in annotations:
        if isinstance(annotation, type) and issubclass(annotation, APIModel):
            yield annotation
        yield from _models_in(get_args(annotation))


def incomplete_models() -> Iterator[type[APIModel]]:
    """Models that nobody has used yet; ``model_rebuild`` completes one, in about a millisecond."""
    waiting: list[type[APIModel]] = [APIModel]
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        if not model.__pydantic_complete__:
            yield model


ModelT = TypeVar("ModelT", bound=APIModel)


_ATOMS = frozenset({str, int, bool, float, datetime, type(None)})


def _copy_model(model: ModelT) -> ModelT:
    made = model.__class__.__new__(model.__class__)
    fields = {
        name: value if value.__class__ in _ATOMS else _copy_value(value)
        for name, value in model.__dict__.items()
    }
    object.__setattr__(made, "__dict__", fields)
    object.__setattr__(made, "__pydantic_extra__", model.__pydantic_extra__)
    object.__setattr__(made, "__pydantic_fields_set__", set(model.__pydantic_fields_set__))
    object.__setattr__(made, "__pydantic_private__", model.__pydantic_private__)
    return made


def _copy_value(value: Any) -> Any:
    kind = value.__class__
    if kind is dict:
        return {
            key: member if member.__class__ in _ATOMS else _copy_value(member)
            for key, member in value.items()
        }
    if kind is list:
        return [member if member.__class__ in _ATOMS else _copy_value(member) for member in value]
    if kind not in _ATOMS and isinstance(value, APIModel):
        return _copy_model(value)
    return value


def drop_nulls(value: Any) -> Any:
    """Copy JSON-like data without null members of objects (typed clients send many)."""
    if isinstance(value, _OBJECTS):
        return {
            k: drop_nulls(v) if isinstance(v, _CONTAINERS) else v
            for k, v in value.items()
            if v is not None
        }
    if isinstance(value, list):
        return [drop_nulls(v) if isinstance(v, _CONTAINERS) else v for v in value]
    return value


_CONTAINERS = (dict, list)
_OBJECTS = (dict, Mapping)  # dict first: asking for a Mapping is slow


@dataclass(frozen=True, slots=True)
class GroupVersionKind:
    """Names a kind: ``GroupVersionKind("serving.knative.dev", "v1", "Service")``."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """``group/version``, or just the version for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @classmethod
    def parse(cls, api_version: str, kind: str) -> GroupVersionKind:
        """Split ``group/version``."""
        group, _, version = api_version.rpartition("/")
        return cls(group, version, kind)

    def __str__(self) -> str:
        return f"{self.api_version}, Kind={self.kind}"


@dataclass(frozen=True, slots=True, order=True)
class NamespacedName:
    """The key of an object within its kind; namespace is empty for cluster-scoped kinds."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class OwnerReference(APIModel):
    """Ties a dependent to its owner; garbage collection follows the uid."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(APIModel):
    """Metadata every object carries; see ``meta/v1 ObjectMeta``."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int | None = None
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)
    owner_references: list[OwnerReference] = Field(default_factory=list)
    finalizers: list[str] = Field(default_factory=list)
    managed_fields: list[dict[str, Any]] = Field(default_factory=list)


class Object(APIModel):
    """A top-level API object; subclasses set ``gvk``."""

    gvk: ClassVar[GroupVersionKind]

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMeta = Field(default_factory=ObjectMeta)

    @property
    def key(self) -> NamespacedName:
        """Namespace and name."""
        return NamespacedName(self.metadata.namespace, self.metadata.name)

    @property
    def is_deleting(self) -> bool:
        """Whether deletion was asked for and finalizers still hold the object."""
        return self.metadata.deletion_timestamp is not None

    def to_wire(self) -> dict[str, Any]:
        """Return JSON-like data with ``apiVersion`` and ``kind`` first."""
        wire = {
            "apiVersion": self.api_version or self.gvk.api_version,
            "kind": self.kind or self.gvk.kind,
        }
        body = super().to_wire()
        body.pop("apiVersion", None)
        body.pop("kind", None)
        return wire | body

    def __str__(self) -> str:
        return f"{self.gvk.kind} {self.key}"


class TypedStatus(APIModel):
    """Base of statuses; ``conditions`` are added by :mod:`wakeful.apimachinery.conditions`."""

    observed_generation: int | None = None


SpecT = TypeVar("SpecT", bound=APIModel)
StatusT = TypeVar("StatusT", bound=APIModel)


class KResource(Object, Generic[SpecT, StatusT]):
    """An object with the usual ``spec`` and ``status``.

    Subclasses give both fields a default factory so that either may be absent on the wire.
    """

    spec: SpecT
    status: StatusT


def owner_reference(owner: Object, *, controller: bool = True) -> OwnerReference:
    """Return the reference that makes a child follow ``owner`` into deletion."""
    return OwnerReference(
        api_version=owner.gvk.api_version,
        kind=owner.gvk.kind,
        name=owner.metadata.name,
        uid=owner.metadata.uid,
        controller=controller or None,
        block_owner_deletion=controller or None,
    )


def controller_of(obj: Object) -> OwnerReference | None:
    """The one owner with ``controller: true``, if any."""
    return next((ref for ref in obj.metadata.owner_references if ref.controller), None)


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """Whether ``owner`` (by uid) is the controller of ``obj``."""
    ref = controller_of(obj)
    return ref is not None and ref.uid == owner.metadata.uid


def deep_copy_json(value: Any) -> Any:
    """Copy JSON-like data."""
    if isinstance(value, dict):
        return {k: deep_copy_json(v) if isinstance(v, _CONTAINERS) else v for k, v in value.items()}
    if isinstance(value, list):
        return [deep_copy_json(v) if isinstance(v, _CONTAINERS) else v for v in value]
    return value
