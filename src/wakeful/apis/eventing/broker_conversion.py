"""Reading and writing Brokers of 2019, who chose their channel themselves."""

from __future__ import annotations

from wakeful.apis.duck.destination_conversion import Wire, as_object
from wakeful.apis.eventing import register
from wakeful.apis.messaging.channel_conversion import with_hostname, without_hostname

_CHANNELS = ("triggerChannel", "IngressChannel")


def broker_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1; the channel template is kept as it is."""
    hub = dict(data)
    status = data.get("status")
    if isinstance(status, dict):
        rest = {key: value for key, value in status.items() if key not in _CHANNELS}
        hub["status"] = without_hostname(rest)
    return hub


def broker_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1, whose status names the channel; one channel plays both parts."""
    if "status" not in hub:
        return hub
    status = with_hostname(as_object(hub["status"]))
    annotations = as_object(status.get("annotations"))
    if register.CHANNEL_NAME in annotations:
        channel = {
            "apiVersion": annotations.get(register.CHANNEL_API_VERSION, ""),
            "kind": annotations.get(register.CHANNEL_KIND, ""),
            "name": annotations[register.CHANNEL_NAME],
            "namespace": as_object(hub.get("metadata")).get("namespace", ""),
        }
        status = status | dict.fromkeys(_CHANNELS, channel)
    return hub | {"status": status}
