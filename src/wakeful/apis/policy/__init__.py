"""The policy group: how much a set of pods may shrink."""

from wakeful.apis.policy.disruption_types import RESOURCES, Eviction, PodDisruptionBudget

__all__ = ["RESOURCES", "Eviction", "PodDisruptionBudget"]
