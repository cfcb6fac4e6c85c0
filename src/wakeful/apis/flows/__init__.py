"""``flows.knative.dev``: Sequences and Parallels, built out of channels and Subscriptions.

Models, defaults, validation, conversion and conditions; what keeps the world in line with them is
``wakeful.reconciler.flows``. In 2019 both kinds belonged to ``messaging.knative.dev``; the API
server serves them there as well, out of the same store.
"""

from wakeful.apis.flows.flow_lifecycle import FLOW_CONDITIONS
from wakeful.apis.flows.parallel_types import Parallel, ParallelBranch, ParallelSpec, ParallelStatus
from wakeful.apis.flows.resources import RESOURCES
from wakeful.apis.flows.sequence_types import Sequence, SequenceSpec, SequenceStatus, SequenceStep

__all__ = [
    "FLOW_CONDITIONS",
    "RESOURCES",
    "Parallel",
    "ParallelBranch",
    "ParallelSpec",
    "ParallelStatus",
    "Sequence",
    "SequenceSpec",
    "SequenceStatus",
    "SequenceStep",
]
