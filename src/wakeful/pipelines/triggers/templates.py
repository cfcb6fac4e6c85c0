"""From a template and values to the objects to create."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wakeful.apis.triggers import TriggerTemplateSpec
from wakeful.apis.triggers.trigger_validation import TEMPLATE_PARAM

_UID = re.compile(r"\$\(uid\)")


class TemplateError(ValueError):
    """The objects cannot be made with these values."""


def fill_template(
    spec: TriggerTemplateSpec, values: Mapping[str, str], uid: str
) -> list[dict[str, Any]]:
    """Return the objects with ``$(tt.params.NAME)`` and ``$(uid)`` replaced.

    Values are text and are put into strings only; one that holds ``$(`` is not replaced again by
    whoever reads the object, since it is written with two dollar signs. A parameter without a value
    and without a default stays as it is.
    """
    known = {param.name: param.default for param in spec.params if param.default is not None}
    known.update(values)

    def replace(text: str) -> str:
        filled = TEMPLATE_PARAM.sub(
            lambda match: known[match[1]].replace("$(", "$$(") if match[1] in known else match[0],
            text,
        )
        return _UID.sub(uid, filled)

    return [_walk(resource, replace) for resource in spec.resource_templates]


def _walk(value: Any, replace: Any) -> Any:
    if isinstance(value, str):
        return replace(value)
    if isinstance(value, list):
        return [_walk(item, replace) for item in value]
    if isinstance(value, dict):
        return {replace(key): _walk(item, replace) for key, item in value.items()}
    return value
