"""Rules for steps and sidecars, and for the variables steps use."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from posixpath import normpath

from wakeful.apimachinery.duration import format_duration
from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_value,
    missing_field,
    under_index,
)
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apimachinery.scheme import AnyDict
from wakeful.apis.core.pod_types import EnvVar, VolumeMount
from wakeful.apis.pipeline import variables
from wakeful.apis.pipeline.admission import ALPHA, Settings, quote
from wakeful.apis.pipeline.param_types import ParamSpec, ResultSpec
from wakeful.apis.pipeline.param_validation import (
    Names,
    validate_enums,
    validate_name_format,
    validate_no_duplicates,
    validate_properties,
    validate_step_results,
)
from wakeful.apis.pipeline.reference_validation import validate_ref
from wakeful.apis.pipeline.register import CONTINUE, STOP_AND_FAIL
from wakeful.apis.pipeline.step_types import Sidecar, Step, StepTemplate
from wakeful.apis.pipeline.stepaction_types import StepActionSpec
from wakeful.apis.pipeline.when_validation import validate_when

RESERVED_SIDECAR = "tekton-log-results"
_STEP_RESULT = re.compile(r"\$\(steps\..*?\.results\..*?\)")
_ARTIFACT = re.compile(
    r"\$\((?:steps\.[^)]+?|tasks\.[^)]+?)\.(?:inputs|outputs)[^)]*\)"
    r"|\$\((?:step\.)?artifacts\.path\)"
)
_WITH_REF = (
    ("image", "image", "image"),
    ("command", "command", "command"),
    ("args", "args", "args"),
    ("script", "script", "script"),
    ("working_dir", "working dir", "workingDir"),
    ("env", "env", "env"),
    ("volume_mounts", "volumeMounts", "volumeMounts"),
    ("results", "results", "results"),
)


# --- steps ----------------------------------------------------------------------------------------


def validate_steps(
    steps: Sequence[Step], template: StepTemplate | None, settings: Settings
) -> FieldErrors:
    """Steps of a task, seen with the template under them."""
    errors: FieldErrors = []
    names: set[str] = set()
    for index, step in enumerate(steps):
        found: FieldErrors = []
        if step.name:
            if step.name in names:
                found.append(FieldError("expected exactly one, got both", ("name",)))
            names.add(step.name)
        found += _step_faults(_with_template(step, template), settings)
        found += _step_result_variables(step.results, step.script, "step.results")
        found += validate_step_results(step.results)
        found += validate_when(step.when, settings)
        errors += under_index("steps", index, found)
    return errors


def _with_template(step: Step, template: StepTemplate | None) -> Step:
    """What rules look at, filled from the template."""
    if template is None or step.ref is not None:
        return step
    changed: AnyDict = {}
    for name in ("image", "command", "args", "working_dir"):
        if not getattr(step, name):
            changed[name] = getattr(template, name)
    own = {m.mount_path for m in step.volume_mounts}
    extra = [m for m in template.volume_mounts if m.mount_path not in own]
    if extra:
        changed["volume_mounts"] = [*extra, *step.volume_mounts]
    return step.model_copy(update=changed) if changed else step


def _step_faults(step: Step, settings: Settings) -> FieldErrors:
    if not settings.flags.artifacts and _uses_artifacts(step):
        text = "feature flag enable-artifacts should be set to true to use artifacts feature."
        return [FieldError(text, ("",))]
    errors = _ref_faults(step, settings) if step.ref is not None else _inline_faults(step)
    if step.name and dns_label_faults(step.name):
        errors.append(
            FieldError(
                f"invalid value {quote(step.name)}",
                ("name",),
                "Task step name must be a valid DNS Label, For more info refer to"
                " https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names",
            )
        )
    if step.timeout is not None and step.timeout < timedelta():
        return [invalid_value(format_duration(step.timeout), "negative timeout")]
    errors += _mount_faults(step.volume_mounts)
    is_known = step.on_error in ("", CONTINUE, STOP_AND_FAIL)
    if not is_known and not step.on_error.startswith("$(params"):
        errors.append(
            FieldError(
                f'invalid value: "{step.on_error}"',
                ("onError",),
                'Task step onError must be either "continue" or "stopAndFail"',
            )
        )
    errors += _windows_faults(step.script, settings)
    if step.stdout_config is not None:
        errors += settings.gate("step stdout stream support", ALPHA, "stdoutconfig")
    if step.stderr_config is not None:
        errors += settings.gate("step stderr stream support", ALPHA, "stderrconfig")
    return errors + _results_where_none_may_be(step)


def _windows_faults(script: str, settings: Settings) -> FieldErrors:
    if script.strip().startswith("#!win"):
        return settings.gate("windows script support", ALPHA, "script")
    return []


def _ref_faults(step: Step, settings: Settings) -> FieldErrors:
    ref = step.ref
    assert ref is not None
    errors = validate_ref(ref.name, ref, settings)
    errors += [
        FieldError(f"{words} cannot be used with Ref", (path,))
        for name, words, path in _WITH_REF
        if getattr(step, name)
    ]
    return errors


def _inline_faults(step: Step) -> FieldErrors:
    errors: FieldErrors = []
    if step.params:
        errors.append(FieldError("params cannot be used without Ref", ("params",)))
    if not step.image:
        errors.append(missing_field("image"))
    if step.script and step.command:
        errors.append(FieldError("script cannot be used with command", ("script",)))
    return errors


def _mount_faults(mounts: Sequence[VolumeMount]) -> FieldErrors:
    errors: FieldErrors = []
    for index, mount in enumerate(mounts):
        found: FieldErrors = []
        path = normpath(mount.mount_path)
        if path.startswith("/tekton/") and not path.startswith("/tekton/home"):
            text = "volumeMount cannot be mounted under /tekton/ (volumeMount"
            text += f" {quote(mount.name)} mounted at {quote(mount.mount_path)})"
            found.append(FieldError(text, ("mountPath",)))
        if mount.name.startswith("tekton-internal-"):
            text = f'volumeMount name {quote(mount.name)} cannot start with "tekton-internal-"'
            found.append(FieldError(text, ("name",)))
        errors += under_index("volumeMounts", index, found)
    return errors


def _uses_artifacts(step: Step) -> bool:
    texts = (step.script, *step.command, *step.args, *(e.value for e in step.env))
    return any("$(" in text and _ARTIFACT.search(text) for text in texts)


def _results_where_none_may_be(step: Step) -> FieldErrors:
    """Results of steps exist while the pod runs only, so a pod cannot be made of them."""
    places: list[tuple[str, str]] = [
        (step.name, "name"),
        (step.image, "image"),
        (step.script, "script"),
        (step.image_pull_policy, "imagePullPolicy"),
        (step.working_dir, "workingDir"),
    ]
    for source in step.env_from:
        places.append((source.prefix, "envFrom.prefix"))
        if source.config_map_ref is not None:
            places.append((source.config_map_ref.name, "envFrom.configMapRef"))
        if source.secret_ref is not None:
            places.append((source.secret_ref.name, "envFrom.secretRef"))
    for mount in step.volume_mounts:
        places += [
            (mount.name, "volumeMounts.name"),
            (mount.mount_path, "volumeMounts.mountPath"),
            (mount.sub_path, "volumeMounts.subPath"),
        ]
    for device in step.volume_devices:
        places += [
            (device.name, "volumeDevices.name"),
            (device.device_path, "volumeDevices.devicePath"),
        ]
    text = "stepResult substitutions are only allowed in env, command and args. Found usage in"
    return [
        FieldError(text, (path,))
        for value, path in places
        if "$(" in value and _STEP_RESULT.search(value)
    ]


def _step_result_variables(
    results: Sequence[ResultSpec], script: str, *prefixes: str
) -> FieldErrors:
    names = {r.name for r in results}
    if not results:
        return []
    return [e for prefix in prefixes for e in variables.unknown(script, prefix, names, "script")]


# --- sidecars -------------------------------------------------------------------------------------


def validate_sidecars(sidecars: Sequence[Sidecar]) -> FieldErrors:
    """Sidecars of a task."""
    errors: FieldErrors = []
    for index, sidecar in enumerate(sidecars):
        found: FieldErrors = []
        if sidecar.name == RESERVED_SIDECAR:
            text = f"Invalid: cannot use reserved sidecar name {sidecar.name} "
            found.append(FieldError(text, ("name",)))
        if not sidecar.image:
            found.append(missing_field("image"))
        if sidecar.script and sidecar.command:
            found.append(FieldError("script cannot be used with command", ("script",)))
        errors += under_index("sidecars", index, found)
    return errors


# --- variables of steps ---------------------------------------------------------------------------


class StepTexts:
    """The texts of a step (or action) in which variables are replaced, with their paths."""

    def __init__(self, step: Step | StepActionSpec) -> None:
        name = step.name if isinstance(step, Step) else ""
        self.plain = [
            (name, "name"),
            (step.image, "image"),
            (step.working_dir, "workingDir"),
            (step.script, "script"),
            *self._env(step.env),
            *self._mounts(step.volume_mounts),
        ]
        self.items = [
            *((text, f"command[{i}]") for i, text in enumerate(step.command)),
            *((text, f"args[{i}]") for i, text in enumerate(step.args)),
        ]
        self.on_error = (step.on_error, "onError") if isinstance(step, Step) else ("", "")

    @staticmethod
    def _env(env: Sequence[EnvVar]) -> Iterator[tuple[str, str]]:
        return ((e.value, f"env[{e.name}]") for e in env)

    @staticmethod
    def _mounts(mounts: Sequence[VolumeMount]) -> Iterator[tuple[str, str]]:
        for i, mount in enumerate(mounts):
            yield mount.name, f"volumeMount[{i}].name"
            yield mount.mount_path, f"volumeMount[{i}].mountPath"
            yield mount.sub_path, f"volumeMount[{i}].subPath"

    def unknown(self, prefix: str, known: Collection[str]) -> FieldErrors:
        """Variables that were not declared."""
        places = [*self.plain, *self.items, self.on_error]
        return variables.each(places, variables.unknown, prefix, known)

    def misused_arrays(self, arrays: Collection[str]) -> FieldErrors:
        """Lists where a text belongs, or inside of one."""
        if not arrays:
            return []
        errors = variables.each(self.plain, variables.prohibited, "params", arrays)
        return errors + variables.each(self.items, variables.not_isolated, "params", arrays)

    def misused_objects(self, objects: Collection[str]) -> FieldErrors:
        """Whole objects where a text belongs."""
        if not objects:
            return []
        places = [*self.plain, *self.items]
        return variables.each(places, variables.entirely_prohibited, "params", objects)


def validate_variables(steps: Sequence[Step], prefix: str, known: Collection[str]) -> FieldErrors:
    """Variables of one kind in steps are among ``known``; ``prefix`` is a pattern."""
    return [
        error
        for index, step in enumerate(steps)
        for error in under_index("steps", index, StepTexts(step).unknown(prefix, known))
    ]


def validate_parameter_variables(
    steps: Sequence[Step], specs: Sequence[ParamSpec], settings: Settings
) -> FieldErrors:
    """Declarations make sense, and steps use lists where lists can be."""
    arrays = Names.of(specs).arrays
    errors = validate_no_duplicates(specs)
    errors += [e.under("params") for e in validate_enums(specs, settings)]
    errors += validate_name_format(specs)
    for index, step in enumerate(steps):
        errors += under_index("steps", index, StepTexts(step).misused_arrays(arrays))
    return errors


def validate_usage(steps: Sequence[Step], specs: Sequence[ParamSpec]) -> FieldErrors:
    """Steps use declared parameters only, and keys objects have."""
    names = Names.of(specs)
    errors = validate_variables(steps, "params", names.everything)
    for name, keys in names.objects.items():
        errors += validate_variables(steps, f"params\\.{re.escape(name)}", keys)
    for index, step in enumerate(steps):
        errors += under_index("steps", index, StepTexts(step).misused_objects(names.objects))
    return errors + validate_properties(specs)


# --- step actions ---------------------------------------------------------------------------------


def validate_action(spec: StepActionSpec, settings: Settings) -> FieldErrors:
    """A step that tasks share."""
    errors: FieldErrors = []
    if not spec.image:
        errors.append(missing_field("image"))
    if spec.script:
        if spec.command:
            errors.append(FieldError("script cannot be used with command", ("script",)))
        errors += _windows_faults(spec.script, settings)
        if variables.has_variables(spec.script, "params"):
            text = "param substitution in scripts is not allowed."
            errors.append(FieldError(text, ("script",)))
    names, texts = Names.of(spec.params), StepTexts(spec)
    errors += texts.unknown("params", names.everything)
    for name, keys in names.objects.items():
        errors += texts.unknown(f"params\\.{re.escape(name)}", keys)
    errors += texts.misused_objects(names.objects)
    errors += validate_properties(spec.params)
    errors += validate_no_duplicates(spec.params)
    errors += validate_name_format(spec.params)
    errors += texts.misused_arrays(names.arrays)
    errors += _step_result_variables(spec.results, spec.script, "step.results", "results")
    errors += validate_step_results(spec.results)
    return errors + _action_mounts(spec, names)


def _action_mounts(spec: StepActionSpec, names: Names) -> FieldErrors:
    """Volumes of an action are the task's to name."""
    errors: FieldErrors = []
    for index, mount in enumerate(spec.volume_mounts):
        found = re.fullmatch(r"\$\(params(\.[^()\[\]]+|\[\"[^\"]+\"\]|\['[^']+'\])\)", mount.name)
        faults = (
            [invalid_value(mount.name, "name", "expect the Name to be a single param reference")]
            if found is None
            else variables.unknown(mount.name, "params", names.everything)
        )
        errors += under_index("volumeMounts", index, faults)
        if found is None:
            break
    return errors
