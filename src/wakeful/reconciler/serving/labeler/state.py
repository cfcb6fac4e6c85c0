"""Which Revisions and Configurations a Route leads to, and what has to be written on each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wakeful.apimachinery.meta import Object, controller_of, format_time
from wakeful.apis.serving import Configuration, Revision, Route, RoutingState, register
from wakeful.reconciler.serving.labeler.routes import join_routes, split_routes


@dataclass(slots=True)
class Targets:
    """Names of what a Route leads to."""

    revisions: set[str] = field(default_factory=set)
    configurations: set[str] = field(default_factory=set)


def find_targets(
    route: Route,
    revision: Callable[[str], Revision | None],
    configuration: Callable[[str], Configuration | None],
) -> Targets:
    """Everything the Route's spec or status names, directly or through a Configuration.

    With a target that follows the latest Revision comes the latest created one: it is about to be
    routed to, and must not lose its minimum scale while it becomes ready.
    """
    targets = Targets()
    for target in (*route.status.traffic, *route.spec.traffic):
        name = target.configuration_name
        if target.revision_name:
            found = revision(target.revision_name)
            if found is None:
                continue
            targets.revisions.add(target.revision_name)
            owner = controller_of(found)
            if owner is not None and owner.kind == "Configuration":
                name = owner.name
        if not name:
            continue
        source = configuration(name)
        if source is None:
            continue
        targets.configurations.add(name)
        latest = source.status.latest_created_revision_name
        if target.latest_revision and latest:
            targets.revisions.add(latest)
    return targets


def make_patch(
    obj: Object, route: str, *, leads_here: bool, now: datetime
) -> dict[str, Any] | None:
    """The merge patch that adds or removes a Route; None when nothing has to change.

    Revisions carry the state that follows from it too.
    """
    before = split_routes(obj.metadata.annotations.get(register.ROUTES, ""))
    after = before | {route} if leads_here else before - {route}
    labels: dict[str, Any] = {}
    annotations: dict[str, Any] = {}
    if after != before:
        annotations[register.ROUTES] = join_routes(after) if after else None
    if isinstance(obj, Revision):
        state = RoutingState.ACTIVE if after else RoutingState.RESERVE
        if obj.routing_state != state:
            labels[register.ROUTING_STATE] = str(state)
            annotations[register.ROUTING_STATE_MODIFIED] = format_time(now)
    if not labels and not annotations:
        return None
    metadata = {"labels": labels, "annotations": annotations}
    return {"metadata": {key: value for key, value in metadata.items() if value}}
