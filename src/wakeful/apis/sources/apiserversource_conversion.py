"""Reading ApiServerSources of the releases between 2019's and today's."""

from __future__ import annotations

from wakeful.apis.duck.destination_conversion import Wire, as_list, as_object


def apiserversource_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1: ``labelSelector`` and mode ``Ref``."""
    spec = as_object(data.get("spec"))
    if not spec:
        return data
    hub = dict(spec)
    if hub.get("mode") == "Ref":
        hub["mode"] = "Reference"
    hub["resources"] = (
        [_resource(item) if isinstance(item, dict) else item for item in as_list(spec["resources"])]
        if "resources" in spec
        else []
    )
    return data | {"spec": hub}


def _resource(item: Wire) -> Wire:
    hub = {key: value for key, value in item.items() if key != "labelSelector"}
    if item.get("labelSelector") and "selector" not in item:
        hub["selector"] = item["labelSelector"]
    return hub
