"""Control groups of containers, version 1 or 2: limits, figures, freezing, killing.

One group for each container. Files are written directly; each call takes microseconds. Processes
get in by procd, before their program starts.
"""

from wakeful.node.runtime.cgroups.finding import find_cgroups, find_leftovers
from wakeful.node.runtime.cgroups.limits import cpu_quota_us, cpu_shares, cpu_weight
from wakeful.node.runtime.cgroups.tree import CgroupTree, Usage, settle
from wakeful.node.runtime.cgroups.version1 import CgroupV1
from wakeful.node.runtime.cgroups.version2 import CgroupV2

__all__ = [
    "CgroupTree",
    "CgroupV1",
    "CgroupV2",
    "Usage",
    "cpu_quota_us",
    "cpu_shares",
    "cpu_weight",
    "find_cgroups",
    "find_leftovers",
    "settle",
]
