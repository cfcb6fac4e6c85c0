"""Reading and writing Triggers of 2019."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldError, multiple_one_of
from wakeful.apis.duck.destination_conversion import (
    Wire,
    as_object,
    is_patched,
    refuse,
    refuse_flat,
)
from wakeful.apis.eventing import register


def trigger_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1, whose Triggers belong to the Broker ``default`` unless they name one."""
    hub = dict(data)
    spec = data.get("spec")
    if isinstance(spec, dict):
        hub["spec"] = _spec_to_hub(spec, patched=is_patched(data))
    status = as_object(data.get("status"))
    if "subscriberURI" in status:
        rest = {key: value for key, value in status.items() if key != "subscriberURI"}
        hub["status"] = {"subscriberUri": status["subscriberURI"]} | rest
    return hub


def _spec_to_hub(spec: Wire, *, patched: bool) -> Wire:
    hub = {key: value for key, value in spec.items() if key != "generation"}
    if not hub.get("broker"):
        hub["broker"] = register.DEFAULT_BROKER
    if isinstance(hub.get("filter"), dict):
        hub["filter"] = _filter_to_hub(hub["filter"], patched=patched)
    if "subscriber" in hub:
        refuse_flat(hub["subscriber"], "spec.subscriber")
        subscriber = hub["subscriber"]
        if isinstance(subscriber, dict) and "dnsName" in subscriber:
            rest = {key: value for key, value in subscriber.items() if key != "dnsName"}
            hub["subscriber"] = {"uri": f"http://{subscriber['dnsName']}/"} | rest
    return hub


def _filter_to_hub(wire: Wire, *, patched: bool) -> Wire:
    old, attributes = wire.get("sourceAndType"), wire.get("attributes")
    if isinstance(attributes, dict) and not attributes:
        message = "At least one filtered attribute must be specified"
        refuse([FieldError(message, ("spec.filter.attributes",))])
    if old is None:
        return wire
    if attributes is not None and not patched:
        refuse([multiple_one_of("spec.filter.attributes", "spec.filter.sourceAndType")])
    rest = {key: value for key, value in wire.items() if key != "sourceAndType"}
    pair = as_object(old)
    wanted = {name: pair.get(name) or "" for name in ("source", "type")}
    return rest | {"attributes": wanted}


def trigger_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1."""
    status = as_object(hub.get("status"))
    if "subscriberUri" not in status:
        return hub
    rest = {key: value for key, value in status.items() if key != "subscriberUri"}
    return hub | {"status": rest | {"subscriberURI": status["subscriberUri"]}}
