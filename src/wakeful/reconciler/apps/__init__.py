"""Keeps the pods of workloads running: Deployments and ReplicaSets.

Not for running them (``wakeful.node``) nor for choosing how many (``wakeful.autoscaler``).
"""

from wakeful.reconciler.apps.controllers import add_apps_controllers

__all__ = ["add_apps_controllers"]
