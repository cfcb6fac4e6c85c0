"""The table of pods: what ``kubectl get pods`` shows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wakeful.apimachinery.meta import parse_time
from wakeful.apimachinery.scheme import AGE, Column
from wakeful.apis.core.cells import NONE, Wire, dig, since, text


def _is_sidecar(container: Wire | None) -> bool:
    return container is not None and container.get("restartPolicy") == "Always"


def _ended(state: Wire, prefix: str = "") -> str:
    reason = state.get("reason")
    if reason:
        return f"{prefix}{reason}"
    if state.get("signal"):
        return f"{prefix}Signal:{state['signal']}"
    return f"{prefix}ExitCode:{state.get('exitCode', 0)}"


def _condition(obj: Wire, kind: str) -> Wire:
    conditions = dig(obj, "status", "conditions", default=[])
    return next((c for c in conditions if c.get("type") == kind), {})


class _Summary:
    """One pass over the container statuses; Ready, Status and Restarts all come from it."""

    def __init__(self, obj: Wire) -> None:
        spec, status = dig(obj, "spec", default={}), dig(obj, "status", default={})
        init = {c.get("name"): c for c in spec.get("initContainers", ())}
        self.total = len(spec.get("containers", ())) + sum(map(_is_sidecar, init.values()))
        self.ready = 0
        self.restarts = 0
        self.last_restart: datetime | None = None
        self.reason: str = status.get("reason") or status.get("phase") or ""
        if _condition(obj, "PodScheduled").get("reason") == "SchedulingGated":
            self.reason = "SchedulingGated"
        initializing = self._init_containers(status.get("initContainerStatuses", ()), init)
        initialized = _condition(obj, "Initialized").get("status") == "True"
        if not initializing or initialized:
            self._containers(obj, status.get("containerStatuses", ()))
        if dig(obj, "metadata", "deletionTimestamp"):
            if status.get("reason") == "NodeLost":
                self.reason = "Unknown"
            elif status.get("phase") not in ("Succeeded", "Failed"):
                self.reason = "Terminating"

    def _count(self, status: Wire) -> None:
        self.restarts += status.get("restartCount", 0)
        finished = dig(status, "lastState", "terminated", "finishedAt")
        if finished:
            moment = parse_time(finished)
            self.last_restart = max(moment, self.last_restart or moment)

    def _init_containers(self, statuses: Any, init: dict[Any, Wire]) -> bool:
        sidecar_restarts, sidecar_last = 0, None
        for index, status in enumerate(statuses):
            self._count(status)
            terminated, waiting = (
                dig(status, "state", "terminated"),
                dig(status, "state", "waiting"),
            )
            sidecar = _is_sidecar(init.get(status.get("name")))
            if sidecar:
                sidecar_restarts += status.get("restartCount", 0)
                sidecar_last = self.last_restart
            if terminated is not None and terminated.get("exitCode", 0) == 0:
                continue
            if sidecar and status.get("started"):
                self.ready += bool(status.get("ready"))
                continue
            if terminated is not None:
                self.reason = _ended(terminated, "Init:")
            elif waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
                self.reason = f"Init:{waiting['reason']}"
            else:
                self.reason = f"Init:{index}/{len(init)}"
            return True
        self.restarts, self.last_restart = sidecar_restarts, sidecar_last
        return False

    def _containers(self, obj: Wire, statuses: Any) -> None:
        running = False
        for status in reversed(list(statuses)):
            self._count(status)
            state = status.get("state", {})
            if dig(state, "waiting", "reason"):
                self.reason = state["waiting"]["reason"]
            elif state.get("terminated") is not None:
                self.reason = _ended(state["terminated"])
            elif status.get("ready") and state.get("running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed" and running:
            is_ready = _condition(obj, "Ready").get("status") == "True"
            self.reason = "Running" if is_ready else "NotReady"


def pod_status(obj: Wire, now: datetime) -> str:
    """The STATUS cell: the most telling reason, else the phase."""
    return _Summary(obj).reason


def _ready(obj: Wire, now: datetime) -> str:
    summary = _Summary(obj)
    return f"{summary.ready}/{summary.total}"


def _restarts(obj: Wire, now: datetime) -> str:
    summary = _Summary(obj)
    if summary.restarts == 0 or summary.last_restart is None:
        return str(summary.restarts)
    return f"{summary.restarts} ({since(summary.last_restart.isoformat(), now)} ago)"


def _readiness_gates(obj: Wire, now: datetime) -> str:
    gates = dig(obj, "spec", "readinessGates", default=[])
    if not gates:
        return NONE
    passed = sum(_condition(obj, g.get("conditionType")).get("status") == "True" for g in gates)
    return f"{passed}/{len(gates)}"


COLUMNS = (
    Column("Ready", _ready),
    Column("Status", pod_status),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", text("status", "podIP"), wide=True),
    Column("Node", text("spec", "nodeName"), wide=True),
    Column("Nominated Node", text("status", "nominatedNodeName"), wide=True),
    Column("Readiness Gates", _readiness_gates, wide=True),
)
