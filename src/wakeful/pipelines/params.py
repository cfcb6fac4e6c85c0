"""Parameters: which variables they stand for, defaults, and what is wrong with those given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from wakeful.apis.pipeline import Param, ParamSpec, ParamType, type_of
from wakeful.apis.pipeline.references import texts_in, variables_in
from wakeful.apis.pipeline.scalars import texts_of
from wakeful.pipelines.errors import go_list, go_map
from wakeful.pipelines.substitution import Replacements, Value

_EMPTY = Replacements()
MAX_DEPTH = 10
"""Defaults that refer to defaults that refer to defaults."""
_PIPELINE_FORMS = ("params.{0}", 'params["{0}"]', "params['{0}']")
_TASK_FORMS = (
    *_PIPELINE_FORMS,
    "inputs.params.{0}",
    'inputs.params["{0}"]',
    "inputs.params['{0}']",
)
_INDEXED = re.compile(
    r"^(?:inputs\.)?params(?:\.([\w.-]+?)|\[\"([^\"]+)\"\]|\['([^']+)'\])\[([0-9]+)\]$"
)
_REFERS = re.compile(r"^(?:inputs\.)?params(?:\.([\w.-]+)|\[\"([^\"]+)\"\]|\['([^']+)'\])")


class ParamError(ValueError):
    """Parameters do not fit what was declared; the text is for users."""


# --- variables ------------------------------------------------------------------------------------


def replacements_of(params: Iterable[Param], *, in_task: bool) -> Replacements:
    """Every variable that stands for a parameter or a part of one.

    ``in_task`` adds the forms with ``inputs.`` in front, which tasks kept from 2019.
    """
    forms = _TASK_FORMS if in_task else _PIPELINE_FORMS
    strings: dict[str, str] = {}
    arrays: dict[str, list[str]] = {}
    objects: dict[str, Mapping[str, str]] = {}
    for param in params:
        for form in forms:
            name, value = form.format(param.name), param.value
            if isinstance(value, list):
                arrays[name] = value
                strings.update((f"{name}[{i}]", item) for i, item in enumerate(value))
            elif isinstance(value, dict):
                objects[name] = value
                strings.update((f"{name}.{key}", member) for key, member in value.items())
            else:
                strings[name] = value
    return Replacements(strings, arrays, objects)


def effective_params(
    specs: Sequence[ParamSpec], given: Sequence[Param], context: Replacements = _EMPTY
) -> list[Param]:
    """What each parameter is in the end: the value given, over the default.

    Objects are merged key by key. Defaults may use other parameters and ``context``. Parameters
    nobody declared are kept: they reach embedded specs.

    Raises:
        ParamError: Defaults refer to each other in a circle, or too deeply.
    """
    values: dict[str, Value] = {p.name: p.value for p in given}
    defaults = {s.name: s.default for s in specs if s.default is not None}
    for name, default in defaults.items():
        value = values.get(name)
        if isinstance(value, dict) and isinstance(default, dict):
            values[name] = {**default, **value}
    pending = {name: default for name, default in defaults.items() if name not in values}
    for name in list(pending):
        _resolve(name, pending, values, context, ())
    return [Param(name=name, value=value) for name, value in values.items()]


def _resolve(
    name: str,
    pending: dict[str, Value],
    values: dict[str, Value],
    context: Replacements,
    above: tuple[str, ...],
) -> None:
    if name in above:
        raise ParamError(
            f'parameter resolution failed: circular dependency detected in param "params.{name}"'
        )
    if len(above) > MAX_DEPTH:
        raise ParamError(
            f"parameter resolution failed: maximum recursion depth ({MAX_DEPTH}) exceeded for param"
            f' "params.{name}"'
        )
    if name not in pending:
        return
    default = pending[name]
    for other in _params_in(default):
        if other not in values and other in pending:
            _resolve(other, pending, values, context, (*above, name))
    known = [Param(name=k, value=v) for k, v in values.items()]
    table = context | replacements_of(known, in_task=True)
    values[name] = table.value(default)
    del pending[name]


def _params_in(value: Value) -> list[str]:
    names = []
    for text in texts_of(value):
        for variable in variables_in(text):
            found = _REFERS.match(variable)
            if found is not None:
                name = found[1] or found[2] or found[3]
                names += [name, name.rpartition(".")[0]]  # the latter if it names an object's key
    return names


# --- what is wrong --------------------------------------------------------------------------------


def missing_params(specs: Sequence[ParamSpec], given: Iterable[str]) -> list[str]:
    """Names of parameters that have neither a value nor a default, as declared."""
    names = set(given)
    return [s.name for s in specs if s.default is None and s.name not in names]


def mistyped_params(specs: Sequence[ParamSpec], given: Sequence[Param]) -> list[str]:
    """Names of parameters whose value is not of the declared type.

    A text with a variable in it may still become a list or an object.
    """
    types = {s.name: s.type or ParamType.STRING for s in specs}
    wrong = []
    for param in given:
        wanted = types.get(param.name)
        found = type_of(param.value)
        if wanted is None or wanted == found:
            continue
        if isinstance(param.value, str) and variables_in(param.value):
            continue
        wrong.append(param.name)
    return wrong


def missing_keys(specs: Sequence[ParamSpec], given: Sequence[Param]) -> dict[str, list[str]]:
    """Keys of objects that have neither a value nor a default."""
    provided: dict[str, set[str]] = {}
    for spec in specs:
        if spec.type == ParamType.OBJECT and isinstance(spec.default, dict):
            provided.setdefault(spec.name, set()).update(spec.default)
    for param in given:
        if isinstance(param.value, dict):
            provided.setdefault(param.name, set()).update(param.value)
    missing = {}
    for spec in specs:
        if spec.type == ParamType.OBJECT and spec.name in provided:
            keys = [key for key in spec.properties if key not in provided[spec.name]]
            if keys:
                missing[spec.name] = keys
    return missing


def outside_enum(specs: Sequence[ParamSpec], given: Sequence[Param]) -> str:
    """Which value is not among those allowed; empty when all are."""
    allowed = {s.name: s.enum for s in specs if s.enum}
    for param in given:
        values = allowed.get(param.name)
        if values and isinstance(param.value, str) and param.value and param.value not in values:
            return f"param `{param.name}` value: {param.value} is not in the enum list"
    return ""


def indexes_out_of_bounds(
    specs: Sequence[ParamSpec], given: Sequence[Param], texts: Iterable[str]
) -> list[str]:
    """Variables like ``$(params.a[7])`` beyond the end of the list, sorted."""
    lengths = {s.name: len(s.default) for s in specs if isinstance(s.default, list)}
    lengths |= {p.name: len(p.value) for p in given if isinstance(p.value, list)}
    bad = set()
    for text in texts:
        for variable in variables_in(text):
            found = _INDEXED.match(variable)
            if found is None:
                continue
            length = lengths.get(found[1] or found[2] or found[3])
            if length is not None and int(found[4][:9]) >= length:
                bad.add(f"$({variable})")
    return sorted(bad)


def check_task_params(
    specs: Sequence[ParamSpec],
    params: Sequence[Param],
    matrix: Sequence[Param] = (),
    *,
    enums: bool = True,
) -> None:
    """Check what a task gets.

    Raises:
        ParamError: With upstream's words (``validateParams``); more than declared is fine.
    """
    missing = missing_params(specs, [p.name for p in (*params, *matrix)])
    if missing:
        raise ParamError(
            f"missing values for these params which have no default values: {go_list(missing)}"
        )
    wrong = mistyped_params(specs, params)
    types = {s.name: s.type or ParamType.STRING for s in specs}
    wrong += [p.name for p in matrix if types.get(p.name, ParamType.STRING) != ParamType.STRING]
    if wrong:
        raise ParamError(f"param types don't match the user-specified type: {go_list(wrong)}")
    keys = missing_keys(specs, params)
    if keys:
        raise ParamError(
            "missing keys for these params which are required in ParamSpec's properties "
            + go_map(keys)
        )
    if enums and (text := outside_enum(specs, params)):
        raise ParamError(text)


def check_indexes(specs: Sequence[ParamSpec], params: Sequence[Param], holder: object) -> None:
    """Check the indexes used anywhere in ``holder``, a spec.

    Raises:
        ParamError: One is beyond the end of its list.
    """
    bad = indexes_out_of_bounds(specs, params, texts_in(holder))
    if bad:
        raise ParamError(f"non-existent param references:{go_list(bad)}")
