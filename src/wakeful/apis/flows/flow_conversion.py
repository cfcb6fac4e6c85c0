"""Reading Sequences and Parallels of 2019: flat replies, ``cases`` for ``branches``."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.fields import multiple_one_of
from wakeful.apis.duck.destination_conversion import (
    Wire,
    as_list,
    as_object,
    is_patched,
    refuse,
    refuse_flat,
    unflatten,
)
from wakeful.apis.messaging.channel_conversion import with_hostname, without_hostname


def sequence_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1 of either group."""
    hub = _status_to_hub(data)
    spec = data.get("spec")
    if not isinstance(spec, dict):
        return hub
    for index, step in enumerate(as_list(spec.get("steps"))):
        refuse_flat(step, f"spec.steps[{index}]")
    return hub | {"spec": _reply_to_hub(spec, patched=is_patched(data))}


def parallel_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1 of either group."""
    hub = _status_to_hub(data)
    spec = data.get("spec")
    if not isinstance(spec, dict):
        return hub
    patched = is_patched(data)
    spec = _reply_to_hub(spec, patched=patched)
    if "cases" in spec:
        if spec.get("branches") and not patched:
            refuse([multiple_one_of("spec.branches", "spec.cases")])
        spec["branches"] = spec.pop("cases")
    if isinstance(spec.get("branches"), list):
        spec["branches"] = [
            _branch(item, index, patched=patched) for index, item in enumerate(spec["branches"])
        ]
    return hub | {"spec": spec}


def _reply_to_hub(spec: Wire, *, patched: bool) -> Wire:
    hub = {key: value for key, value in spec.items() if key != "generation"}
    if "reply" in hub:
        hub["reply"] = unflatten(hub["reply"], "spec.reply", patched=patched)
    return hub


def _branch(value: Any, index: int, *, patched: bool) -> Any:
    if not isinstance(value, dict):
        return value
    path = f"spec.branches[{index}]"
    for name in ("filter", "subscriber"):
        refuse_flat(value.get(name), f"{path}.{name}")
    if "reply" in value:
        return value | {"reply": unflatten(value["reply"], f"{path}.reply", patched=patched)}
    return value


def _status_to_hub(data: Wire) -> Wire:
    status = data.get("status")
    return data | {"status": without_hostname(status)} if isinstance(status, dict) else data


def flow_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1 of either group."""
    if "status" not in hub:
        return hub
    return hub | {"status": with_hostname(as_object(hub["status"]))}
