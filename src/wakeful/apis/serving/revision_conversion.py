"""Reading v1alpha1 Revisions and templates."""

from __future__ import annotations

from wakeful.apimachinery.fields import disallowed_fields
from wakeful.apis.serving.conversion import Wire, as_object, exclusive, refuse

_GIVEN_UP = ("servingState", "buildName", "buildRef", "generation")
_CONCURRENCY_MODELS = {"Single": 1, "Multi": 0}


def revision_to_hub(data: Wire) -> Wire:
    """Rewrite an object."""
    if "spec" not in data:
        return data
    return data | {"spec": spec_to_hub(as_object(data["spec"]), "spec")}


def template_to_hub(template: Wire, path: str) -> Wire:
    """Rewrite a template; what was given up is refused."""
    spec = as_object(template.get("spec"))
    given_up = [f"{path}.spec.{name}" for name in _GIVEN_UP if spec.get(name) is not None]
    refuse([disallowed_fields(*given_up)] if given_up else [])
    return template | {"spec": spec_to_hub(spec, f"{path}.spec")}


def spec_to_hub(spec: Wire, path: str) -> Wire:
    """``container`` becomes ``containers``, ``concurrencyModel`` a number."""
    refuse(exclusive(spec, path, "container", "containers"))
    hub = {key: value for key, value in spec.items() if key not in _GIVEN_UP}
    container = hub.pop("container", None)
    if container is not None:
        hub["containers"] = [container]
    limit = _CONCURRENCY_MODELS.get(hub.pop("concurrencyModel", ""))
    if limit is not None:
        hub.setdefault("containerConcurrency", limit)
    return hub
