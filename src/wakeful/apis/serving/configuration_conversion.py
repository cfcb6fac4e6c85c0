"""Reading v1alpha1 Configurations."""

from __future__ import annotations

from wakeful.apimachinery.fields import disallowed_fields
from wakeful.apis.serving.conversion import Wire, as_object, exclusive, refuse
from wakeful.apis.serving.revision_conversion import template_to_hub


def configuration_to_hub(data: Wire) -> Wire:
    """Rewrite an object."""
    if "spec" not in data:
        return data
    return data | {"spec": configuration_spec_to_hub(as_object(data["spec"]), "spec")}


def configuration_spec_to_hub(spec: Wire, path: str) -> Wire:
    """``revisionTemplate`` becomes ``template``; building images moved elsewhere long ago."""
    errors = exclusive(spec, path, "revisionTemplate", "template")
    if spec.get("build") is not None:
        errors.append(disallowed_fields(f"{path}.build"))
    refuse(errors)
    hub = {key: value for key, value in spec.items() if key != "generation"}
    legacy = hub.pop("revisionTemplate", None)
    name = "template" if legacy is None else "revisionTemplate"
    template = hub.get("template") if legacy is None else legacy
    if template is not None:
        hub["template"] = template_to_hub(as_object(template), f"{path}.{name}")
    return hub
