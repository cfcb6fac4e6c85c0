"""The coordination group: leases, by which one of several is chosen."""

from wakeful.apis.coordination.lease_types import RESOURCES, Lease, LeaseSpec

__all__ = ["RESOURCES", "Lease", "LeaseSpec"]
