"""Answers ResolutionRequests: tasks and pipelines from elsewhere.

Not for asking: runs do that (``wakeful.reconciler.pipeline.resolving``).
"""

from wakeful.reconciler.pipeline.resolution.controller import add_resolution_controller

__all__ = ["add_resolution_controller"]
