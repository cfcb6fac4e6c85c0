"""Look whether the object exists that has such events."""

from __future__ import annotations

from wakeful.apimachinery.meta import NamespacedName
from wakeful.apis.duck import KReference
from wakeful.apis.eventing import EventType
from wakeful.reconciler.eventing.references import References, UnresolvedError


class EventTypeReconciler:
    """Entries route nothing; they are only kept true."""

    def __init__(self, references: References) -> None:
        self._references = references

    async def reconcile_kind(self, event_type: EventType) -> None:
        """Mark whether the reference leads anywhere."""
        self._references.forget(event_type.key)
        ref, status = event_type.spec.reference, event_type.status
        if ref is None or ref == KReference():
            status.mark_reference_not_set()
            return
        key = ref.key_in(event_type.metadata.namespace)
        try:
            found = await self._references.read(ref.gvk, key, event_type.key)
        except UnresolvedError as err:
            status.mark_reference_unknown("ReferenceGetFailed", f"Failed to get reference: {err}")
            return
        if found is None:
            status.mark_reference_missing()
        else:
            status.mark_reference_exists()

    async def observe_deletion(self, key: NamespacedName) -> None:
        """Nobody asks for its references any more."""
        self._references.forget(key)
