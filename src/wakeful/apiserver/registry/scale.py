"""``/scale``: the number of replicas of any kind, in one shape."""

from __future__ import annotations

from typing import Any

from wakeful.apimachinery.errors import BadRequestError, ConflictError, NotFoundError
from wakeful.apimachinery.fields import invalid
from wakeful.apimachinery.jsonpath import compile_path
from wakeful.apimachinery.patch import apply_patch, unsupported_patch
from wakeful.apimachinery.request import PatchType, Verb
from wakeful.apimachinery.scheme import ScalePaths
from wakeful.apiserver.registry.call import Call, require_object
from wakeful.apiserver.registry.codec import to_model
from wakeful.apiserver.registry.response import Response
from wakeful.apiserver.registry.subresources import SCALE
from wakeful.apiserver.registry.writing import Writer

_COPIED = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


class Scaler:
    """Answers ``/scale``."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def handle(self, call: Call) -> Response:
        """Get, put or patch the scale of the object of the URL."""
        record = self._writer.current(call)
        paths = call.served.resource.scale
        if paths is None:
            raise NotFoundError("the server could not find the requested resource")
        current = call.served.encode(record.decode())
        scale = scale_of(current, paths)
        if call.request.verb is Verb.GET:
            if call.served.resource.custom and "replicas" not in scale["spec"]:
                raise BadRequestError(
                    f"the spec replicas field {paths.spec_replicas!r} does not exist"
                )
            return Response(_shown(scale), 200, None, call.warnings)
        if call.request.verb is Verb.PATCH:
            wanted = self._patched(call, scale)
        else:
            wanted = require_object(call.request.body)
        replicas = _replicas(call, wanted)
        metadata = wanted.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        if version and version != str(record.revision):
            raise ConflictError.of(call.served.plural, call.served.group, record.key.name)
        obj = _with_replicas(current, paths.spec_replicas, replicas)
        call.field_validation = "Ignore"
        stored = self._writer.replace(call, record, to_model(call, obj))
        return Response(_shown(scale_of(stored.object, paths)), 200, None, call.warnings)

    def _patched(self, call: Call, scale: dict[str, Any]) -> dict[str, Any]:
        patch_type = call.request.patch_type
        if patch_type is None or patch_type is PatchType.APPLY:
            raise unsupported_patch(str(patch_type or ""), custom=True)
        return apply_patch(patch_type, call.request.body, scale)


def scale_of(obj: dict[str, Any], paths: ScalePaths) -> dict[str, Any]:
    """The scale of an object."""
    replicas = compile_path(paths.spec_replicas).first(obj)
    status: dict[str, Any] = {"replicas": compile_path(paths.status_replicas).first(obj) or 0}
    if paths.label_selector:
        selector = compile_path(paths.label_selector).first(obj)
        if selector:
            status["selector"] = selector if isinstance(selector, str) else _text(selector)
    metadata = {k: obj["metadata"][k] for k in _COPIED if k in obj["metadata"]}
    spec = {"replicas": replicas} if isinstance(replicas, int) else {}
    return {
        "kind": SCALE.kind,
        "apiVersion": SCALE.api_version,
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }


def _shown(scale: dict[str, Any]) -> dict[str, Any]:
    """Zero replicas are left out, as typed clients do."""
    if scale["spec"].get("replicas") == 0:
        scale["spec"] = {}
    return scale


def _text(selector: dict[str, Any]) -> str:
    """A label selector as text."""
    words = {"In": "in", "NotIn": "notin"}
    terms = [f"{k}={v}" for k, v in sorted((selector.get("matchLabels") or {}).items())]
    for expression in selector.get("matchExpressions") or ():
        key, operator = expression.get("key", ""), expression.get("operator", "")
        if operator in words:
            terms.append(f"{key} {words[operator]} ({','.join(expression.get('values') or ())})")
        else:
            terms.append(key if operator == "Exists" else f"!{key}")
    return ",".join(terms)


def _replicas(call: Call, scale: dict[str, Any]) -> int:
    spec = scale.get("spec", {})
    replicas = (spec.get("replicas") or 0) if isinstance(spec, dict) else None
    if not isinstance(replicas, int) or isinstance(replicas, bool):
        raise BadRequestError("Scale.spec.replicas must be an integer")
    if not 0 <= replicas < 2**31:
        fault = invalid("spec.replicas", replicas, "should be a non-negative integer")
        raise call.invalid(call.request.name, [fault])
    return replicas


def _with_replicas(obj: dict[str, Any], path: str, replicas: int) -> dict[str, Any]:
    """A copy of the object with the number at a dotted path."""
    *parents, last = [part for part in path.strip("{}$").split(".") if part]
    changed = dict(obj)
    level = changed
    for part in parents:
        below = level.get(part)
        level[part] = dict(below) if isinstance(below, dict) else {}
        level = level[part]
    level[last] = replicas
    return changed
