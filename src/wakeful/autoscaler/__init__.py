"""How many instances a revision needs: the decisions of the Knative Pod Autoscaler.

Pure: functions take values and ``now`` in seconds and return values; nothing here waits, reads or
writes. Who measures load and who writes scales meet here through :class:`LoadSource` and
:class:`Poke`. Not for HorizontalPodAutoscalers, which are scaled by others.
"""

from wakeful.apis.autoscaling.config import (
    CONFIG_NAME,
    AutoscalerConfig,
    AutoscalerConfigError,
    parse_config,
)
from wakeful.autoscaler.activity import (
    Activity,
    ActivityChange,
    active_threshold,
    next_activity,
)
from wakeful.autoscaler.aggregation import Aggregation
from wakeful.autoscaler.bounds import (
    Clamp,
    Outcome,
    Step,
    TargetState,
    bound_scale,
    needs_gate,
    number_of_activators,
)
from wakeful.autoscaler.burst import gate_moves
from wakeful.autoscaler.explain import (
    ExplainReport,
    explain_decision,
    explain_outcome,
    make_report,
)
from wakeful.autoscaler.history import DecisionHistory, Record
from wakeful.autoscaler.metrics import (
    IDLE,
    LoadSample,
    LoadSource,
    Poke,
    RevisionMetrics,
    WindowLoad,
)
from wakeful.autoscaler.scaling import (
    SCALE_UNKNOWN,
    TICK_SECONDS,
    Decision,
    ScalerState,
    decide,
    initial_excess_burst_capacity,
)
from wakeful.autoscaler.spec import ScalingMetric, ScalingSpec, resolve_spec

__all__ = [
    "CONFIG_NAME",
    "IDLE",
    "SCALE_UNKNOWN",
    "TICK_SECONDS",
    "Activity",
    "ActivityChange",
    "Aggregation",
    "AutoscalerConfig",
    "AutoscalerConfigError",
    "Clamp",
    "Decision",
    "DecisionHistory",
    "ExplainReport",
    "LoadSample",
    "LoadSource",
    "Outcome",
    "Poke",
    "Record",
    "RevisionMetrics",
    "ScalerState",
    "ScalingMetric",
    "ScalingSpec",
    "Step",
    "TargetState",
    "WindowLoad",
    "active_threshold",
    "bound_scale",
    "decide",
    "explain_decision",
    "explain_outcome",
    "gate_moves",
    "initial_excess_burst_capacity",
    "make_report",
    "needs_gate",
    "next_activity",
    "number_of_activators",
    "parse_config",
    "resolve_spec",
]
