"""The scheme: which kinds exist, how each is served, defaulted, validated and converted.

A package under ``wakeful.apis`` exports ``RESOURCES``, a tuple of :class:`Resource`; ``cmd`` adds
them to one :class:`Scheme` and passes it around. Nothing registers itself at import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar, cast

from wakeful.apimachinery.fields import FieldError
from wakeful.apimachinery.meta import GroupVersionKind, Object

ObjectT = TypeVar("ObjectT", bound=Object)
AnyDict = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``.

    ``value`` is a JSONPath in Kubernetes' dialect (``.status.url``) or a function of the object and
    the present time for cells that need computing. ``wide`` columns show only with ``-o wide``.
    """

    name: str
    value: str | Callable[[Mapping[str, Any], datetime], Any]
    type: str = "string"
    format: str = ""
    description: str = ""
    wide: bool = False


AGE = Column("Age", ".metadata.creationTimestamp", type="date")
READINESS = (
    Column("Ready", ".status.conditions[?(@.type=='Ready')].status"),
    Column("Reason", ".status.conditions[?(@.type=='Ready')].reason"),
)
"""Of kinds that have the condition ``Ready``."""
ADDRESS = Column("URL", ".status.address.url")
"""Of kinds that events or requests can be sent to."""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where the ``/scale`` subresource finds its numbers (as in CRDs)."""

    spec_replicas: str = ".spec.replicas"
    status_replicas: str = ".status.replicas"
    label_selector: str = ""
    """Path of a selector string, or of a LabelSelector object; empty for none."""


class ConfigLookup(Protocol):
    """Access to the ``data`` of ConfigMaps for defaulting and validation."""

    def __call__(self, name: str, namespace: str = "knative-serving") -> Mapping[str, str]:
        """Return the map's data; empty when there is no such ConfigMap."""
        ...


def no_config(name: str, namespace: str = "knative-serving") -> Mapping[str, str]:
    """A :class:`ConfigLookup` without any ConfigMap."""
    del name, namespace
    return {}


@dataclass(frozen=True, slots=True)
class AdmissionContext:
    """What defaulting and validation may know beside the object."""

    operation: Literal["CREATE", "UPDATE", "DELETE"]
    now: datetime
    username: str = ""
    groups: tuple[str, ...] = ()
    subresource: str = ""
    dry_run: bool = False
    config: ConfigLookup = no_config
    warnings: list[str] = field(default_factory=list)
    """Texts to send back as ``Warning`` headers."""


Defaulter = Callable[[Any, "Object | None", AdmissionContext], None]
"""``(new, old, context)``: fill in what the user left out, in place."""
Validator = Callable[[Any, "Object | None", AdmissionContext], Sequence[FieldError]]
"""``(new, old, context)``: every fault found; empty when the object is fine."""


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """One more version under which a kind is read and written.

    ``to_hub`` turns wire data of this version into the hub (the model's) shape, ``from_hub`` back;
    both are pure and keep what they do not know. Absent means: same shape.
    """

    name: str
    to_hub: Callable[[AnyDict], AnyDict] | None = None
    from_hub: Callable[[AnyDict], AnyDict] | None = None
    deprecation: str = ""
    """Warning sent to clients who use it."""


@dataclass(frozen=True, slots=True)
class Resource:
    """How one kind is served.

    ``model.gvk`` is the hub: the version that is stored and that controllers see.
    """

    model: type[Object]
    plural: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    has_status: bool = False
    """A ``/status`` subresource; then ``metadata.generation`` counts spec changes."""
    scale: ScalePaths | None = None
    columns: tuple[Column, ...] = (AGE,)
    """Columns after Name."""
    served_versions: tuple[ServedVersion, ...] = ()
    """Versions besides the hub, in order of preference."""
    set_defaults: Defaulter | None = None
    validate: Validator | None = None
    custom: bool = True
    """True: behaves like a custom resource (422 without resourceVersion on PUT, no strategic merge,
    listed as a CRD). False: a Kubernetes built-in."""
    webhook: str = ""
    """Faults are worded as a denial of this admission webhook; empty: a 422 with causes."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of its CRD, by which clients discover it (``duck.knative.dev/source``)."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Annotations of its CRD (``registry.knative.dev/eventTypes``)."""
    normalize: Callable[[AnyDict], AnyDict] | None = None
    """Rewrites older spellings that the hub version itself accepts; pure, as ``to_hub`` is."""
    schema_holds: bool = False
    """``normalize`` changes the case of keys at most, so the model describes what is sent."""
    verbs: tuple[str, ...] = (
        "create",
        "delete",
        "deletecollection",
        "get",
        "list",
        "patch",
        "update",
        "watch",
    )
    fields: Mapping[str, str] = field(default_factory=dict)
    """Field selectors beyond metadata.name/namespace: selector key to JSONPath."""
    allow_unknown: bool = False
    """Keep unknown fields instead of pruning them."""

    @property
    def is_described(self) -> bool:
        """Whether the model says what clients send in the hub version."""
        return self.schema_holds or self.normalize is None

    @property
    def gvk(self) -> GroupVersionKind:
        """The hub version."""
        return self.model.gvk

    @property
    def group(self) -> str:
        """API group; empty for core."""
        return self.model.gvk.group

    @property
    def kind(self) -> str:
        """CamelCase kind."""
        return self.model.gvk.kind

    @property
    def group_resource(self) -> tuple[str, str]:
        """``(group, plural)``: the key under which objects are stored."""
        return (self.group, self.plural)

    @property
    def versions(self) -> tuple[str, ...]:
        """Every served version, the hub first."""
        return (self.gvk.version, *(v.name for v in self.served_versions))


class Scheme:
    """Every kind one process knows."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_plural: dict[tuple[str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        self._by_model: dict[type[Object], Resource] = {}
        for resource in resources:
            self.add(resource)

    def add(self, resource: Resource) -> None:
        """Make a kind known.

        Raises:
            ValueError: The plural or kind is taken by another resource of the group.
        """
        key, kind = resource.group_resource, (resource.group, resource.kind)
        if key in self._by_plural or kind in self._by_kind:
            raise ValueError(f"{resource.plural}.{resource.group} is registered twice")
        self._by_plural[key] = resource
        self._by_kind[kind] = resource
        self._by_model[resource.model] = resource

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_plural.values())

    def by_plural(self, group: str, plural: str) -> Resource | None:
        """The resource of a REST path."""
        return self._by_plural.get((group, plural))

    def by_kind(self, group: str, kind: str) -> Resource | None:
        """The resource of an object's kind, whatever its version."""
        return self._by_kind.get((group, kind))

    def of(self, model: type[Object]) -> Resource:
        """The resource of a Python class.

        Raises:
            KeyError: The class was never added.
        """
        return self._by_model[model]

    def parse(self, data: Mapping[str, Any], model: type[ObjectT] | None = None) -> ObjectT:
        """Read hub-version wire data into its model."""
        if model is None:
            gvk = GroupVersionKind.parse(data.get("apiVersion", ""), data.get("kind", ""))
            found = self.by_kind(gvk.group, gvk.kind)
            if found is None:
                raise KeyError(f"no kind {gvk} in this scheme")
            model = cast("type[ObjectT]", found.model)
        return model.from_wire(data)
