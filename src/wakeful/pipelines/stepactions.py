"""Putting a StepAction in the place of the step that refers to it."""

from __future__ import annotations

from collections.abc import Sequence

from wakeful.apis.pipeline import Param, ParamSpec, ParamType, Step, StepActionSpec, TaskRunReason
from wakeful.apis.pipeline.references import parse_result, texts_in, variables_in
from wakeful.pipelines.errors import RunFailedError, go_list
from wakeful.pipelines.params import ParamError, effective_params, replacements_of
from wakeful.pipelines.substitution import Replacements


def apply_step_action(step: Step, action: StepActionSpec, task_params: Sequence[Param]) -> Step:
    """The step with the action's image, program and results; its parameters are replaced.

    ``task_params`` are the effective ones of the run. A parameter that is another step's result
    stays that result's variable, in the forms the action uses.

    Raises:
        RunFailedError: Parameters are missing, or the action does not know them.
    """
    given = replacements_of(task_params, in_task=True).params(step.params)
    _check(given, action.params)
    given = [p for p in given if not _is_unmet_object(p, action.params)]
    try:
        params = effective_params(action.params, given)
    except ParamError as err:
        raise RunFailedError(TaskRunReason.RESOLUTION_FAILED, str(err)) from err
    specs = {s.name: s for s in action.params}
    plain = [p for p in params if _as_result(p) is None]
    table = replacements_of(plain, in_task=True) | _results(params, specs, action)
    made = table.model(
        Step(
            image=action.image,
            command=action.command,
            args=action.args,
            script=action.script,
            working_dir=action.working_dir,
            env=action.env,
            volume_mounts=action.volume_mounts,
            security_context=action.security_context,
            results=action.results,
        ),
        but=frozenset(("results",)),
    )
    changed: dict[str, object] = {
        "image": made.image,
        "security_context": made.security_context,
        "working_dir": made.working_dir,
        "ref": None,
        "params": [],
    }
    for name in ("command", "args", "script", "env", "volume_mounts", "results"):
        if value := getattr(made, name):
            changed[name] = value
    return step.deep_copy().model_copy(update=changed)


def _check(given: Sequence[Param], specs: Sequence[ParamSpec]) -> None:
    known = {s.name for s in specs}
    extra = [p.name for p in given if p.name not in known]
    if extra:
        raise RunFailedError(
            TaskRunReason.RESOLUTION_FAILED,
            f"extra params passed by Step to StepAction: {go_list(extra)}",
        )
    names = {p.name for p in given}
    missing = [s.name for s in specs if s.default is None and s.name not in names]
    if missing:
        raise RunFailedError(
            TaskRunReason.RESOLUTION_FAILED, f"non-existent params in Step: {go_list(missing)}"
        )


def _is_unmet_object(param: Param, specs: Sequence[ParamSpec]) -> bool:
    """Whether an object is given as a variable that is none: its default stays in force."""
    spec = next(s for s in specs if s.name == param.name)
    return (
        spec.type == ParamType.OBJECT
        and spec.default is not None
        and isinstance(param.value, str)
        and _as_result(param) is None
    )


def _as_result(param: Param) -> str | None:
    """The variable of a step's result, if that is all a value is."""
    if not isinstance(param.value, str) or not param.value.startswith("$(steps."):
        return None
    ref = parse_result(param.value[2:-1])
    return param.value[2:-1] if ref is not None and ref.kind == "steps" else None


def _results(
    params: Sequence[Param], specs: dict[str, ParamSpec], action: StepActionSpec
) -> Replacements:
    """How the action's variables read when they stand for a step's result."""
    strings: dict[str, str] = {}
    used = {v for text in texts_in(action) for v in variables_in(text)}
    for param in params:
        expression = _as_result(param)
        if expression is None:
            continue
        base = expression.removesuffix("[*]")
        kind = specs[param.name].type if param.name in specs else ParamType.STRING
        for form in ("params.{0}", 'params["{0}"]', "params['{0}']"):
            name = form.format(param.name)
            if kind == ParamType.STRING or not kind:
                strings[name] = f"$({expression})"
                continue
            for variable in used:
                if variable.startswith((f"{name}[", f"{name}.")):
                    strings[variable] = f"$({base}{variable.removeprefix(name)})"
    return Replacements(strings)
