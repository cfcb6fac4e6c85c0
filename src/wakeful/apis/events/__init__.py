"""The events group: core events by other field names, over the same store.

It has no kinds of its own, so ``RESOURCES`` is empty; the API server serves ``events`` of the core
group a second time, through these conversions.
"""

from wakeful.apimachinery.scheme import Resource
from wakeful.apis.events.conversion import FIELDS, GVK, from_core, to_core

RESOURCES: tuple[Resource, ...] = ()

__all__ = ["FIELDS", "GVK", "RESOURCES", "from_core", "to_core"]
