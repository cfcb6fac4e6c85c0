"""Events about the API server's objects, as upstream words them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from wakeful.apimachinery.meta import GroupVersionKind
from wakeful.apimachinery.watch import EventType
from wakeful.apis.sources import APIVersionKind, register
from wakeful.apis.sources.plurals import guess_plural
from wakeful.cloudevents import Event, event_time

Wire = Mapping[str, Any]

_CHANGES = {EventType.ADDED: "add", EventType.MODIFIED: "update", EventType.DELETED: "delete"}


@dataclass(frozen=True, slots=True)
class EventStyle:
    """How a source words its events."""

    source: str
    """URL of the API server."""
    whole: bool
    """The object itself, not a reference to it."""
    specversion: str = "1.0"
    extensions: bool = True
    """Tell kind and name in extensions, too; releases of 2019 did not."""


def passes(obj: Wire, owner: APIVersionKind | None) -> bool:
    """Whether the object's controller is of the kind that is asked for."""
    if owner is None:
        return True
    controller = controller_reference(obj)
    return (
        controller is not None
        and owner.api_version in ("", controller.get("apiVersion"))
        and owner.kind in ("", controller.get("kind"))
    )


def controller_reference(obj: Wire) -> Wire | None:
    """The owner that controls the object."""
    owners = obj.get("metadata", {}).get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), None)


def make_change_event(
    change: EventType,
    obj: Wire,
    style: EventStyle,
    now: datetime,
    new_id: Callable[[], str],
    *,
    about_controller: bool = False,
) -> Event | None:
    """The event of one change; None for what is no change of an object.

    With ``about_controller`` a reference leads to the object's controller instead, and objects that
    have none are passed over.
    """
    verb = _CHANGES.get(change)
    if verb is None:
        return None
    reference: dict[str, str] = make_reference(obj)
    if about_controller and not style.whole:
        controller = controller_reference(obj)
        if controller is None:
            return None
        reference |= {key: controller.get(key, "") for key in ("apiVersion", "kind", "name")}
    mode = "resource" if style.whole else "ref"
    extensions = {name.lower(): value for name, value in reference.items() if value}
    return Event(
        id=new_id(),
        source=style.source,
        type=f"{register.APISERVER_TYPE}.{mode}.{verb}",
        specversion=style.specversion,
        subject=self_link(reference),
        time=event_time(now),
        datacontenttype="application/json",
        extensions=extensions if style.extensions else {},
        data=orjson.dumps(obj if style.whole else reference, default=dict),
    )


def make_reference(obj: Wire) -> dict[str, str]:
    """What identifies an object, in the order upstream writes it."""
    meta = obj.get("metadata", {})
    found = {
        "kind": obj.get("kind", ""),
        "namespace": meta.get("namespace", ""),
        "name": meta.get("name", ""),
        "apiVersion": obj.get("apiVersion", ""),
    }
    return {key: value for key, value in found.items() if value}


def self_link(reference: Wire) -> str:
    """The path that upstream makes up: below ``/apis`` for core kinds, too."""
    api_version = reference.get("apiVersion", "")
    gvk = GroupVersionKind.parse(api_version, reference.get("kind", ""))
    plural, namespace = guess_plural(gvk.kind), reference.get("namespace", "")
    return f"/apis/{api_version}/namespaces/{namespace}/{plural}/{reference.get('name', '')}"
