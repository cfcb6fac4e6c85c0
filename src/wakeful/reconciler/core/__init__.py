"""What keeps the core of a cluster in order.

Namespaces and what they start with, endpoints of services, scheduling, jobs, storage claims, and
the garbage collector that lets dependents follow their owners. :func:`add_core_controllers` adds
all of it to a manager; :class:`CoreAdmission` is its part inside the API server.
"""

from wakeful.reconciler.core.controllers import CoreAdmission, add_core_controllers

__all__ = ["CoreAdmission", "add_core_controllers"]
