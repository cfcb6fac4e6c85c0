"""The scheduling group: which pods matter more."""

from wakeful.apis.scheduling.priorityclass_types import RESOURCES, PriorityClass

__all__ = ["RESOURCES", "PriorityClass"]
