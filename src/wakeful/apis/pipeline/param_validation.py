"""Rules for parameters, declared and given, and for results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wakeful.apimachinery.fields import (
    FieldError,
    FieldErrors,
    invalid_key_name,
    invalid_value,
    missing_field,
    under_index,
    under_key,
)
from wakeful.apimachinery.names import dns_label_faults
from wakeful.apis.pipeline.admission import Settings, quote
from wakeful.apis.pipeline.param_types import Param, ParamSpec, PropertySpec, ResultSpec, TaskResult
from wakeful.apis.pipeline.references import variables_in
from wakeful.apis.pipeline.scalars import ParamType, type_of

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9.-]*")
_OBJECT_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9-]*")
_RESULT_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_STEP_RESULT = re.compile(r"\$\(steps\.(.*?)\.results\.(.*?)\)")
_RESULT_NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my-name',  or 'my_name', regex used for validation is"
    " '^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$')"
)
_LABEL_RULE = (
    "must be a valid DNS Label, For more info refer to"
    " https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#names"
)


@dataclass(frozen=True, slots=True)
class Names:
    """Names of declared parameters by type."""

    everything: frozenset[str]
    arrays: frozenset[str]
    objects: dict[str, frozenset[str]]
    """Keys of each object."""

    @classmethod
    def of(cls, specs: Iterable[ParamSpec]) -> Names:
        """Sort declarations."""
        listed = list(specs)
        return cls(
            frozenset(s.name for s in listed),
            frozenset(s.name for s in listed if s.type == ParamType.ARRAY),
            {s.name: frozenset(s.properties) for s in listed if s.type == ParamType.OBJECT},
        )


def duplicates(names: Iterable[str]) -> list[str]:
    """Names that occur more than once, sorted."""
    return sorted(name for name, times in Counter(names).items() if times > 1)


# --- declarations ---------------------------------------------------------------------------------


def validate_types(specs: Iterable[ParamSpec]) -> FieldErrors:
    """Types exist and fit the defaults."""
    return [error for spec in specs for error in _type_fault(spec)]


def _type_fault(spec: ParamSpec) -> FieldErrors:
    if spec.type not in tuple(ParamType):
        return [invalid_value(spec.type, f"{spec.name}.type")]
    if spec.default is not None and type_of(spec.default) != spec.type:
        found = type_of(spec.default)
        return [
            FieldError(
                f'"{spec.type}" type does not match default value\'s type: "{found}"',
                (f"{spec.name}.type", f"{spec.name}.default.type"),
            )
        ]
    wrong = _keys_of_other_types(spec.properties)
    if wrong:
        text = f"The value type specified for these keys [{' '.join(wrong)}] is invalid"
        return [FieldError(text, (f"{spec.name}.properties",))]
    return []


def _keys_of_other_types(properties: dict[str, PropertySpec]) -> list[str]:
    return sorted(key for key, spec in properties.items() if spec.type != ParamType.STRING)


def validate_no_duplicates(specs: Iterable[ParamSpec]) -> FieldErrors:
    """Every parameter is declared once."""
    return [
        FieldError("parameter appears more than once", (f"params[{name}]",))
        for name in duplicates(s.name for s in specs)
    ]


def validate_enums(specs: Iterable[ParamSpec], settings: Settings) -> FieldErrors:
    """Lists of allowed values."""
    errors: FieldErrors = []
    for spec in specs:
        if not spec.enum:
            continue
        found: list[str] = []
        if not settings.flags.param_enum:
            found.append("feature flag `enable-param-enum` should be set to true to use Enum")
        if spec.type != ParamType.STRING:
            found.append("enum can only be set with string type param")
        found += [f"parameter enum value {v} appears more than once" for v in duplicates(spec.enum)]
        if isinstance(spec.default, str) and spec.default and spec.default not in spec.enum:
            found.append(f"param default value {spec.default} not in the enum list")
        errors += under_key("", spec.name, [FieldError(text, ("",)) for text in found])
    return errors


def validate_name_format(specs: Sequence[ParamSpec]) -> FieldErrors:
    """Names variables can be made of."""
    errors: FieldErrors = []
    plain = sorted({s.name for s in specs if s.type != ParamType.OBJECT})
    bad = [name for name in plain if not _NAME.fullmatch(name)]
    if bad:
        errors.append(
            FieldError(
                "The format of following array and string variable names is invalid:"
                f" [{' '.join(bad)}]",
                ("params",),
                "String/Array Names: \nMust only contain alphanumeric characters, hyphens (-),"
                " underscores (_), and dots (.)\nMust begin with a letter or an underscore (_)",
            )
        )
    wrong: dict[str, list[str]] = {}
    for spec in specs:
        if spec.type != ParamType.OBJECT:
            continue
        keys = [k for k in spec.properties if not _OBJECT_NAME.fullmatch(k)]
        if keys or not _OBJECT_NAME.fullmatch(spec.name):
            wrong[spec.name] = keys
    if wrong:
        listed = " ".join(f"{n}:[{' '.join(keys)}]" for n, keys in sorted(wrong.items()))
        errors.append(
            FieldError(
                f"Object param name and key name format is invalid: map[{listed}]",
                ("params",),
                "Object Names: \nMust only contain alphanumeric characters, hyphens (-),"
                " underscores (_) \nMust begin with a letter or an underscore (_)",
            )
        )
    return errors


def validate_properties(specs: Iterable[ParamSpec]) -> FieldErrors:
    """Objects say which keys they have."""
    return [
        missing_field(f"{s.name}.properties")
        for s in specs
        if s.type == ParamType.OBJECT and not s.properties
    ]


# --- values ---------------------------------------------------------------------------------------


def validate_params(params: Iterable[Param]) -> FieldErrors:
    """Every parameter of a run is given once, whatever the case."""
    return no_repeated_names((p.name for p in params), by_index=False)


def no_repeated_names(names: Iterable[str], *, by_index: bool) -> FieldErrors:
    """Names are unique, whatever the case."""
    seen: set[str] = set()
    errors: FieldErrors = []
    for index, name in enumerate(names):
        if name.lower() in seen:
            path = f"[{index}].name" if by_index else f"[{name}].name"
            errors.append(FieldError("expected exactly one, got both", (path,)))
        seen.add(name.lower())
    return errors


def validate_unique_params(params: Iterable[Param]) -> FieldErrors:
    """Every parameter of a pipeline task is given once."""
    seen: set[str] = set()
    errors: FieldErrors = []
    for index, param in enumerate(params):
        if param.name in seen:
            errors.append(
                FieldError(
                    "parameter names must be unique, the parameter"
                    f' "{param.name}" is also defined at',
                    (f"[{index}].name",),
                )
            )
        seen.add(param.name)
    return errors


def spec_of_value(param: Param) -> ParamSpec:
    """What a value would be declared as."""
    value = param.value
    keys = value if isinstance(value, dict) else ()
    return ParamSpec(
        name=param.name,
        type=type_of(value),
        default=value,
        properties={key: PropertySpec(type=ParamType.STRING) for key in keys},
    )


def combine_spec(spec: ParamSpec, specs: dict[str, ParamSpec]) -> FieldErrors:
    """Add a declaration to those made from values; what the value is, counts."""
    known = specs.get(spec.name)
    if known is None or (isinstance(known.default, str) and variables_in(known.default)):
        specs[spec.name] = spec.deep_copy()  # what a variable will be, only the declaration says
        return []
    if isinstance(spec.default, dict):
        mine = known.default if isinstance(known.default, dict) else {}
        known.default = {**mine, **spec.default}
        if not spec.properties:
            return [missing_field(f"{spec.name}.properties")]
    if known.type == ParamType.OBJECT:
        if not spec.properties:
            return [missing_field(f"{spec.name}.properties")]
        known.properties = dict(spec.properties)
    return []


# --- results --------------------------------------------------------------------------------------


def validate_results(results: Sequence[TaskResult]) -> FieldErrors:
    """Results of a task."""
    errors: FieldErrors = []
    for index, result in enumerate(results):
        found = _result_fault(result, "The value type", "type must be string")
        errors += under_index("results", index, [*found, *_value_fault(result)])
    return errors


def validate_step_results(results: Sequence[ResultSpec]) -> FieldErrors:
    """Results of a step."""
    errors: FieldErrors = []
    for index, result in enumerate(results):
        details = f"invalid type {result.type}"
        errors += under_index("results", index, _result_fault(result, "the value type", details))
    return errors


def _result_fault(result: ResultSpec, words: str, details: str) -> FieldErrors:
    if not _RESULT_NAME.fullmatch(result.name):
        return [invalid_key_name(result.name, "name", f"Name {_RESULT_NAME_RULE}")]
    if result.type == ParamType.OBJECT:
        if not result.properties:
            return [missing_field(f"{result.name}.properties")]
        wrong = _keys_of_other_types(result.properties)
        if wrong:
            text = f"{words} specified for these keys [{' '.join(wrong)}] is invalid, the type must"
            return [FieldError(f"{text} be string", (f"{result.name}.properties",))]
        return []
    if result.type not in ("", ParamType.STRING, ParamType.ARRAY):
        return [invalid_value(result.type, "type", details)]
    return []


def _value_fault(result: TaskResult) -> FieldErrors:
    """A result with a value is a step's."""
    value, path = result.value, f"{result.name}.value"
    if value is None or value == "":
        return []
    if not isinstance(value, str):
        text = f'Invalid Type. Wanted string but got: "{type_of(value)}"'
        return [FieldError(text, (f"{result.name}.type",))]
    found = _STEP_RESULT.search(value)
    if found is None:
        return [
            FieldError(
                "Could not extract step name and result name. Expected value to look like"
                f' $(steps.<stepName>.results.<resultName>) but got "{value}"',
                (path,),
            )
        ]
    errors: FieldErrors = []
    shape = "in $(steps.<stepName>.results.<resultName>)"
    if dns_label_faults(found[1]):
        text = f"invalid extracted step name {quote(found[1])}"
        errors.append(FieldError(text, (path,), f"stepName {shape} {_LABEL_RULE}"))
    if not _RESULT_NAME.fullmatch(found[2].removesuffix("[*]")):
        text = f"invalid extracted result name {quote(found[2])}"
        errors.append(FieldError(text, (path,), f"resultName {shape} {_RESULT_NAME_RULE}"))
    return errors
