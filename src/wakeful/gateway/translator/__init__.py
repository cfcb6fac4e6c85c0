"""Plans to Envoy's resources; pure functions and one compiler that remembers the last plan.

Not for sending them anywhere.
"""

from wakeful.gateway.translator.compiler import PlanCompiler
from wakeful.gateway.translator.routes import HostConflict

__all__ = ["HostConflict", "PlanCompiler"]
