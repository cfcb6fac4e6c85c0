"""Reading Subscriptions of 2019, whose reply was wrapped and whose subscriber was optional."""

from __future__ import annotations

from wakeful.apimachinery.fields import FieldError, disallowed_fields
from wakeful.apis.duck.destination_conversion import (
    Wire,
    as_object,
    is_patched,
    refuse,
    refuse_flat,
    unflatten,
)

_PHYSICAL = {
    "subscriberURI": "subscriberUri",
    "replyURI": "replyUri",
    "deadLetterSinkURI": "deadLetterSinkUri",
}
_BACK = {new: old for old, new in _PHYSICAL.items()}


def subscription_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1."""
    hub = dict(data)
    spec = data.get("spec")
    if isinstance(spec, dict):
        hub["spec"] = _spec_to_hub(spec, patched=is_patched(data))
    status = as_object(data.get("status"))
    physical = status.get("physicalSubscription")
    if isinstance(physical, dict):
        renamed = {_PHYSICAL.get(key, key): value for key, value in physical.items()}
        hub["status"] = status | {"physicalSubscription": renamed}
    return hub


def _spec_to_hub(spec: Wire, *, patched: bool) -> Wire:
    hub = {key: value for key, value in spec.items() if key != "generation"}
    channel = hub.get("channel")
    if isinstance(channel, dict):
        extra = [key for key in channel if key not in ("apiVersion", "kind", "name")]
        if extra:
            fault = disallowed_fields(*(f"spec.channel.{key}" for key in extra))
            details = "only name, apiVersion and kind are supported fields"
            refuse([FieldError(fault.message, fault.paths, details)])
    if "subscriber" in hub:
        refuse_flat(hub["subscriber"], "spec.subscriber")
        hub["subscriber"] = _subscriber_to_hub(hub["subscriber"])
    reply = hub.get("reply")
    if isinstance(reply, dict) and "channel" in reply:
        hub["reply"] = unflatten(reply["channel"], "spec.reply.channel", patched=patched)
    elif reply is not None:
        hub["reply"] = unflatten(reply, "spec.reply", patched=patched)
    if not hub.get("subscriber"):
        if not hub.get("reply"):
            details = "the Subscription must reference at least one of (reply or a subscriber)"
            refuse([FieldError("missing field(s)", ("spec.reply", "spec.subscriber"), details)])
        # An event that goes straight to the reply is one whose answer nobody wants.
        hub["subscriber"] = hub.pop("reply")
    return hub


def _subscriber_to_hub(value: object) -> object:
    if isinstance(value, dict) and "dnsName" in value:
        rest = {key: member for key, member in value.items() if key != "dnsName"}
        return {"uri": f"http://{value['dnsName']}/"} | rest
    return value


def subscription_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1."""
    data = dict(hub)
    spec, status = as_object(hub.get("spec")), as_object(hub.get("status"))
    if "reply" in spec:
        data["spec"] = spec | {"reply": {"channel": spec["reply"]}}
    physical = as_object(status.get("physicalSubscription"))
    if physical:
        renamed = {_BACK.get(key, key): value for key, value in physical.items()}
        data["status"] = status | {"physicalSubscription": renamed}
    return data
