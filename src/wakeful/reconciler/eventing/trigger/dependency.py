"""A Trigger may wait for something else to be ready, usually for the source of its events."""

from __future__ import annotations

from wakeful.apimachinery.meta import GroupVersionKind, NamespacedName
from wakeful.apis.eventing import Trigger, register
from wakeful.apis.eventing.trigger_validation import parse_dependency
from wakeful.reconciler.eventing.references import References, UnresolvedError


async def check_dependency(trigger: Trigger, references: References) -> None:
    """Mark what has become of the dependency; one that nobody asked for is fine."""
    text, status = trigger.metadata.annotations.get(register.DEPENDENCY), trigger.status
    if text is None:
        status.mark_dependency_ready()
        return
    try:
        ref = parse_dependency(text)
    except ValueError as err:
        status.mark_dependency_failed(
            "ReferenceError",
            f"Unable to unmarshal objectReference from dependency annotation of trigger: {err}",
        )
        return
    gvk = GroupVersionKind.parse(ref.get("apiVersion", ""), ref.get("kind", ""))
    key = NamespacedName(trigger.metadata.namespace, ref.get("name", ""))
    try:
        found = await references.read(gvk, key, trigger.key)
    except UnresolvedError as err:
        status.mark_dependency_unknown("ListerDoesNotExist", f"Failed to retrieve lister: {err}")
        return
    if found is None:
        status.mark_dependency_failed(
            "DependencyDoesNotExist",
            f'Dependency does not exist: {gvk.kind}.{gvk.group} "{key.name}" not found',
        )
    elif not found.is_observed:
        observed = found.status.get("observedGeneration", 0)
        status.mark_dependency_unknown(
            "GenerationNotEqual",
            f'The dependency\'s metadata.generation, "{found.generation}", is not equal to its'
            f' status.observedGeneration, "{observed}".',
        )
    else:
        status.propagate_dependency(found.ready)
