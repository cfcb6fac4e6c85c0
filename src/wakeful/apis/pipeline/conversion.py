"""From the shapes of v1alpha1 and v1beta1 to the one that is stored, and back.

The stored shape is v1's; what v1 has no place for goes under ``legacy`` of the part it belongs to.
v1alpha1 accepts what 2019 wrote (``inputs``, ``outputs``) and what came after it (``params``,
``resources``), in one object too. An object written as in 2019 is shown so, and has a ``legacy``
even if there is nothing in it. ``outputs.results``, which never had an effect, is dropped.
"""

from __future__ import annotations

from collections.abc import Callable

from wakeful.apimachinery.meta import deep_copy_json
from wakeful.apis.pipeline.conversion_parts import (
    Convert,
    list_of,
    merge_named,
    object_of,
    objects_of,
    pop_object,
    put,
    rename,
)
from wakeful.apis.pipeline.reading import UnconvertibleError, Wire
from wakeful.apis.pipeline.register import PipelineRunSpecStatus
from wakeful.apis.pipeline.versions import OLD_STEP_FIELDS

_COMPUTE, _RESOURCES = "computeResources", "resources"


# --- small parts ----------------------------------------------------------------------------------


# --- tasks ----------------------------------------------------------------------------------------


def _container_to_hub(step: Wire, *, keep_old: bool) -> None:
    rename(step, _RESOURCES, _COMPUTE)
    old = {key: step.pop(key) for key in OLD_STEP_FIELDS if key in step}
    if keep_old and old:
        step["legacy"] = old


def _task_spec_to_hub(spec: Wire) -> None:
    for step in objects_of(spec, "steps"):
        _container_to_hub(step, keep_old=True)
    for sidecar in objects_of(spec, "sidecars"):
        rename(sidecar, _RESOURCES, _COMPUTE)
    template = object_of(spec, "stepTemplate")
    if template is not None:
        template.pop("name", None)
        _container_to_hub(template, keep_old=False)
    inputs, outputs, resources = (
        pop_object(spec, key) for key in ("inputs", "outputs", _RESOURCES)
    )
    params = merge_named(list_of(spec, "params"), list_of(inputs, "params"))
    if inputs is not None:
        put(spec, "params", params)
    legacy: Wire = {}
    put(legacy, "inputs", merge_named(list_of(resources, "inputs"), list_of(inputs, "resources")))
    put(
        legacy, "outputs", merge_named(list_of(resources, "outputs"), list_of(outputs, "resources"))
    )
    if legacy or inputs is not None or outputs is not None:
        spec["legacy"] = legacy


def _task_spec_from_hub(spec: Wire, *, is_2019: bool) -> None:
    for step in objects_of(spec, "steps"):
        rename(step, _COMPUTE, _RESOURCES)
        old = step.pop("legacy", None)
        if isinstance(old, dict):
            step |= old
    for sidecar in objects_of(spec, "sidecars"):
        rename(sidecar, _COMPUTE, _RESOURCES)
    template = object_of(spec, "stepTemplate")
    if template is not None:
        rename(template, _COMPUTE, _RESOURCES)
    legacy = spec.pop("legacy", None)
    if legacy is None:
        return
    if not is_2019:
        both: Wire = {}
        put(both, "inputs", legacy.get("inputs"))
        put(both, "outputs", legacy.get("outputs"))
        put(spec, _RESOURCES, both)
        return
    _show_as_2019(spec, legacy)


def _show_as_2019(spec: Wire, legacy: Wire) -> None:
    """``inputs`` with the parameters, and ``outputs``."""
    inputs, outputs = Wire(), Wire()
    put(inputs, _RESOURCES, legacy.get("inputs"))
    put(inputs, "params", spec.pop("params", None))
    put(outputs, _RESOURCES, legacy.get("outputs"))
    spec["inputs"] = inputs
    put(spec, "outputs", outputs)


def _ref_to_hub(ref: Wire | None, kind: str) -> None:
    """A bundle was a field; it is a resolver now."""
    if ref is None or not ref.get("bundle"):
        return
    bundle, name = ref.pop("bundle"), ref.pop("name", "")
    given = ref.pop("kind", kind) or kind
    ref |= {
        "resolver": "bundles",
        "params": [
            {"name": "bundle", "value": bundle},
            {"name": "name", "value": name},
            {"name": "kind", "value": given},
        ],
    }


# --- pipelines ------------------------------------------------------------------------------------


def _pipeline_spec_to_hub(spec: Wire) -> None:
    resources = spec.pop(_RESOURCES, None)
    if resources:
        spec["legacy"] = {_RESOURCES: resources}
    for key in ("tasks", "finally"):
        for task in objects_of(spec, key):
            _pipeline_task_to_hub(task)


def _pipeline_task_to_hub(task: Wire) -> None:
    resources = pop_object(task, _RESOURCES)
    legacy: Wire = {}
    put(legacy, "inputs", list_of(resources, "inputs"))
    put(legacy, "outputs", list_of(resources, "outputs"))
    put(legacy, "conditions", task.pop("conditions", None))
    if legacy:
        task["legacy"] = legacy
    _ref_to_hub(object_of(task, "taskRef"), "task")
    _ref_to_hub(object_of(task, "pipelineRef"), "pipeline")
    embedded = object_of(task, "taskSpec")
    if embedded is not None:
        _task_spec_to_hub(embedded)
    child = object_of(task, "pipelineSpec")
    if child is not None:
        _pipeline_spec_to_hub(child)


def _pipeline_spec_from_hub(spec: Wire, *, is_2019: bool) -> None:
    legacy = spec.pop("legacy", None) or {}
    put(spec, _RESOURCES, legacy.get(_RESOURCES))
    for key in ("tasks", "finally"):
        for task in objects_of(spec, key):
            old = task.pop("legacy", None) or {}
            both: Wire = {}
            put(both, "inputs", old.get("inputs"))
            put(both, "outputs", old.get("outputs"))
            put(task, _RESOURCES, both)
            put(task, "conditions", old.get("conditions"))
            embedded, child = object_of(task, "taskSpec"), object_of(task, "pipelineSpec")
            if embedded is not None:
                _task_spec_from_hub(embedded, is_2019=is_2019)
            if child is not None:
                _pipeline_spec_from_hub(child, is_2019=is_2019)


# --- runs -----------------------------------------------------------------------------------------


def _overrides_to_hub(spec: Wire) -> None:
    for old, new in (("stepOverrides", "stepSpecs"), ("sidecarOverrides", "sidecarSpecs")):
        rename(spec, old, new)
        for override in objects_of(spec, new):
            rename(override, _RESOURCES, _COMPUTE)


def _overrides_from_hub(spec: Wire) -> None:
    for old, new in (("stepOverrides", "stepSpecs"), ("sidecarOverrides", "sidecarSpecs")):
        for override in objects_of(spec, new):
            rename(override, _COMPUTE, _RESOURCES)
        rename(spec, new, old)


def _task_run_spec_to_hub(spec: Wire) -> None:
    rename(spec, "serviceAccount", "serviceAccountName")
    spec.pop("trigger", None)
    _overrides_to_hub(spec)
    inputs, outputs, resources = (
        pop_object(spec, key) for key in ("inputs", "outputs", _RESOURCES)
    )
    if inputs is not None:
        put(spec, "params", merge_named(list_of(spec, "params"), list_of(inputs, "params")))
    legacy: Wire = {}
    put(legacy, "inputs", merge_named(list_of(resources, "inputs"), list_of(inputs, "resources")))
    put(
        legacy, "outputs", merge_named(list_of(resources, "outputs"), list_of(outputs, "resources"))
    )
    if legacy or inputs is not None or outputs is not None:
        spec["legacy"] = legacy
    _ref_to_hub(object_of(spec, "taskRef"), "task")
    embedded = object_of(spec, "taskSpec")
    if embedded is not None:
        _task_spec_to_hub(embedded)
    breakpoints = object_of(object_of(spec, "debug") or {}, "breakpoints")
    if breakpoints is not None and breakpoints.pop("breakpoint", None):
        breakpoints.setdefault("onFailure", "enabled")


def _task_run_spec_from_hub(spec: Wire, *, is_2019: bool) -> None:
    _overrides_from_hub(spec)
    legacy = spec.pop("legacy", None)
    if legacy is not None and is_2019:
        _show_as_2019(spec, legacy)
    else:
        put(spec, _RESOURCES, legacy)
    embedded = object_of(spec, "taskSpec")
    if embedded is not None:
        _task_spec_from_hub(embedded, is_2019=is_2019)


def _task_run_status(status: Wire, nested: Convert, old: str, new: str) -> None:
    rename(status, old, new)
    spec = object_of(status, "taskSpec")
    if spec is not None:
        nested(spec)
    for attempt in objects_of(status, "retriesStatus"):
        _task_run_status(attempt, nested, old, new)


def _pipeline_run_spec_to_hub(spec: Wire) -> None:
    rename(spec, "serviceAccount", "serviceAccountName")
    spec.pop("trigger", None)
    template = spec.get("taskRunTemplate")
    template = dict(template) if isinstance(template, dict) else {}
    for key in ("serviceAccountName", "podTemplate"):
        if key in spec:
            template.setdefault(key, spec.pop(key))
    put(spec, "taskRunTemplate", template)
    if "timeout" in spec:
        _timeout_to_hub(spec)
    if spec.get("status") == PipelineRunSpecStatus.LEGACY_CANCELLED:
        spec["status"] = str(PipelineRunSpecStatus.CANCELLED)
    _run_specs_to_hub(spec)
    resources = spec.pop(_RESOURCES, None)
    if resources:
        spec["legacy"] = {_RESOURCES: resources}
    _ref_to_hub(object_of(spec, "pipelineRef"), "pipeline")
    embedded = object_of(spec, "pipelineSpec")
    if embedded is not None:
        _pipeline_spec_to_hub(embedded)


def _timeout_to_hub(spec: Wire) -> None:
    timeout = spec.pop("timeout")
    timeouts = object_of(spec, "timeouts")
    if timeouts is not None and timeouts.get("pipeline") != timeout:
        raise UnconvertibleError("expected exactly one, got both: spec.timeout, spec.timeouts")
    spec["timeouts"] = (timeouts or {}) | {"pipeline": timeout}


def _run_specs_to_hub(spec: Wire) -> None:
    """``taskRunSpecs``, and what it was before: lists of service accounts by task."""
    for own in objects_of(spec, "taskRunSpecs"):
        rename(own, "taskServiceAccountName", "serviceAccountName")
        rename(own, "taskPodTemplate", "podTemplate")
        _overrides_to_hub(own)
    accounts: Wire = {}
    for key, member in (
        ("serviceAccounts", "serviceAccount"),
        ("serviceAccountNames", "serviceAccountName"),
    ):
        for entry in objects_of(spec, key):
            account = entry.get(member) or entry.get("serviceAccountName")
            if isinstance(entry.get("taskName"), str) and account:
                accounts[entry["taskName"]] = account
        spec.pop(key, None)
    listed = list(objects_of(spec, "taskRunSpecs"))
    for task, account in accounts.items():
        owns = [o for o in listed if o.get("pipelineTaskName") == task]
        own = owns[0] if owns else {"pipelineTaskName": task}
        if not owns:
            listed.append(own)
        own.setdefault("serviceAccountName", account)
    put(spec, "taskRunSpecs", listed)


def _pipeline_run_spec_from_hub(spec: Wire, *, is_2019: bool) -> None:
    template = spec.pop("taskRunTemplate", None)
    if isinstance(template, dict):
        spec |= template
    for own in objects_of(spec, "taskRunSpecs"):
        rename(own, "serviceAccountName", "taskServiceAccountName")
        rename(own, "podTemplate", "taskPodTemplate")
        _overrides_from_hub(own)
    timeouts = object_of(spec, "timeouts")
    if is_2019 and timeouts is not None and set(timeouts) == {"pipeline"}:
        spec["timeout"] = spec.pop("timeouts")["pipeline"]
    legacy = spec.pop("legacy", None) or {}
    put(spec, _RESOURCES, legacy.get(_RESOURCES))
    embedded = object_of(spec, "pipelineSpec")
    if embedded is not None:
        _pipeline_spec_from_hub(embedded, is_2019=is_2019)


# --- whole objects --------------------------------------------------------------------------------


def _whole(
    data: Wire, spec: Callable[[Wire], None], status: Callable[[Wire], None] | None = None
) -> Wire:
    made: Wire = deep_copy_json(data)
    inner = object_of(made, "spec")
    if inner is not None:
        spec(inner)
    inner = object_of(made, "status")
    if inner is not None and status is not None:
        status(inner)
    return made


def task_to_hub(data: Wire) -> Wire:
    """A Task or ClusterTask of any version."""
    return _whole(data, _task_spec_to_hub)


def task_from_hub(data: Wire, *, is_2019: bool) -> Wire:
    """A stored Task or ClusterTask as an older version has it."""
    return _whole(data, lambda spec: _task_spec_from_hub(spec, is_2019=is_2019))


def pipeline_to_hub(data: Wire) -> Wire:
    """A Pipeline of any version."""
    return _whole(data, _pipeline_spec_to_hub)


def pipeline_from_hub(data: Wire, *, is_2019: bool) -> Wire:
    """A stored Pipeline as an older version has it."""
    return _whole(data, lambda spec: _pipeline_spec_from_hub(spec, is_2019=is_2019))


def task_run_to_hub(data: Wire) -> Wire:
    """A TaskRun of any version."""

    def nested(spec: Wire) -> Wire:
        _task_spec_to_hub(spec)
        return spec

    return _whole(
        data,
        _task_run_spec_to_hub,
        lambda status: _task_run_status(status, nested, "taskResults", "results"),
    )


def task_run_from_hub(data: Wire, *, is_2019: bool) -> Wire:
    """A stored TaskRun as an older version has it."""

    def nested(spec: Wire) -> Wire:
        _task_spec_from_hub(spec, is_2019=is_2019)
        return spec

    return _whole(
        data,
        lambda spec: _task_run_spec_from_hub(spec, is_2019=is_2019),
        lambda status: _task_run_status(status, nested, "results", "taskResults"),
    )


def pipeline_run_to_hub(data: Wire) -> Wire:
    """A PipelineRun of any version."""

    def status(inner: Wire) -> None:
        rename(inner, "pipelineResults", "results")
        for gone in ("taskRuns", "runs"):
            inner.pop(gone, None)
        spec = object_of(inner, "pipelineSpec")
        if spec is not None:
            _pipeline_spec_to_hub(spec)

    return _whole(data, _pipeline_run_spec_to_hub, status)


def pipeline_run_from_hub(data: Wire, *, is_2019: bool) -> Wire:
    """A stored PipelineRun as an older version has it."""

    def status(inner: Wire) -> None:
        rename(inner, "results", "pipelineResults")
        spec = object_of(inner, "pipelineSpec")
        if spec is not None:
            _pipeline_spec_from_hub(spec, is_2019=is_2019)

    return _whole(data, lambda spec: _pipeline_run_spec_from_hub(spec, is_2019=is_2019), status)
