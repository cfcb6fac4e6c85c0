"""Reading PingSources whose data was ``jsonData``, or ``data`` that was always JSON."""

from __future__ import annotations

from wakeful.apis.duck.destination_conversion import Wire, as_object

_JSON = "application/json"


def json_data_to_hub(data: Wire) -> Wire:
    """Rewrite v1beta1 and v1alpha2."""
    return _to_hub(data, "jsonData")


def json_data_from_hub(data: Wire) -> Wire:
    """Write v1beta1 and v1alpha2; what these cannot say stays in today's fields."""
    spec = as_object(data.get("spec"))
    if spec.get("contentType") != _JSON or "data" not in spec:
        return data
    rest = {key: value for key, value in spec.items() if key not in ("contentType", "data")}
    return data | {"spec": rest | {"jsonData": spec["data"]}}


def v1alpha1_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1."""
    return _to_hub(data, "data")


def _to_hub(data: Wire, field: str) -> Wire:
    spec = as_object(data.get("spec"))
    if not spec.get(field) or spec.get("contentType"):
        return data
    rest = {key: value for key, value in spec.items() if key != field}
    return data | {"spec": rest | {"contentType": _JSON, "data": spec[field]}}
