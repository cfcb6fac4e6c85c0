"""Reading channels of 2019, whose subscribers were nested one deeper."""

from __future__ import annotations

from wakeful.apis.duck.destination_conversion import Wire, as_list, as_object
from wakeful.apis.messaging import register

_SUBSCRIBER = {"subscriberURI": "subscriberUri", "replyURI": "replyUri"}
_BACK = {new: old for old, new in _SUBSCRIBER.items()}


def channelable_to_hub(data: Wire) -> Wire:
    """Rewrite v1alpha1: ``spec.subscribable.subscribers``, ``status.subscribableStatus``.

    Channels of 2019 told events through which of them they had come, so these do, too.
    """
    hub = dict(data)
    spec, status = as_object(data.get("spec")), as_object(data.get("status"))
    if "subscribable" in spec or "generation" in spec:
        rest = {k: v for k, v in spec.items() if k not in ("subscribable", "generation")}
        subscribers = as_list(as_object(spec.get("subscribable")).get("subscribers"))
        if subscribers:
            rest["subscribers"] = [_subscriber_to_hub(item) for item in subscribers]
        hub["spec"] = rest
    if "subscribableStatus" in status or "subscribablestatus" in status:
        nested = as_object(status.get("subscribableStatus") or status.get("subscribablestatus"))
        rest = {k: v for k, v in status.items() if k.casefold() != "subscribablestatus"}
        hub["status"] = {"subscribers": as_list(nested.get("subscribers"))} | rest
    meta = data.get("metadata")
    if isinstance(meta, dict):
        annotations = {register.HISTORY: "enabled"} | as_object(meta.get("annotations"))
        if annotations.get(register.SUBSCRIBABLE) == "v1alpha1":
            annotations[register.SUBSCRIBABLE] = "v1"
        hub["metadata"] = meta | {"annotations": annotations}
    return hub


def _subscriber_to_hub(value: object) -> object:
    if not isinstance(value, dict):
        return value
    known = {k: v for k, v in value.items() if k not in ("ref", "deadLetterSink")}
    return {_SUBSCRIBER.get(key, key): member for key, member in known.items()}


def channelable_from_hub(hub: Wire) -> Wire:
    """Write v1alpha1."""
    data = dict(hub)
    spec, status = as_object(hub.get("spec")), as_object(hub.get("status"))
    if "subscribers" in spec:
        nested = [
            {_BACK.get(key, key): member for key, member in as_object(item).items()}
            for item in spec["subscribers"]
        ]
        rest = {k: v for k, v in spec.items() if k != "subscribers"}
        data["spec"] = rest | {"subscribable": {"subscribers": nested}}
    if "status" in hub:
        rest = {k: v for k, v in status.items() if k != "subscribers"}
        if "subscribers" in status:
            rest["subscribableStatus"] = {"subscribers": status["subscribers"]}
        data["status"] = with_hostname(rest)
    return data


def with_hostname(status: Wire) -> Wire:
    """Add what 2019's clients read: ``address.hostname`` beside ``address.url``."""
    address = as_object(status.get("address"))
    host = str(address.get("url", "")).partition("://")[2].partition("/")[0]
    return status | {"address": {"hostname": host} | address} if host else status


def without_hostname(status: Wire) -> Wire:
    """Take it away again."""
    address = status.get("address")
    if not isinstance(address, dict) or "hostname" not in address:
        return status
    return status | {"address": {k: v for k, v in address.items() if k != "hostname"}}
