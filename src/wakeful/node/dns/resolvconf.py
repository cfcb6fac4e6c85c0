"""Which resolver a Pod uses, and which suffixes it may leave out. Pure."""

from __future__ import annotations

from wakeful.apis.core.pod_types import Pod
from wakeful.node.dns.zone import DOMAIN

_NDOTS = "ndots:5"


def make_resolv_conf(pod: Pod, nameserver: str | None) -> str | None:
    """The text of a Pod's resolv.conf; None leaves it to the runtime, which shows the host's.

    ``nameserver`` is where the cluster's names are found, None where nobody serves them.
    """
    spec, extra = pod.spec, pod.spec.dns_config or {}
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    inside = not spec.host_network or spec.dns_policy == "ClusterFirstWithHostNet"
    if spec.dns_policy == "None":
        pass
    elif nameserver is not None and inside and spec.dns_policy != "Default":
        suffixes = (f"{pod.metadata.namespace}.svc", "svc")
        servers = [nameserver]
        searches = [*(f"{suffix}.{DOMAIN}" for suffix in suffixes), DOMAIN]
        options = [_NDOTS]
    else:
        return None
    servers += extra.get("nameservers") or []
    searches += extra.get("searches") or []
    for option in extra.get("options") or ():
        value = option.get("value")
        options.append(option["name"] if value is None else f"{option['name']}:{value}")
    lines = [f"nameserver {server}" for server in dict.fromkeys(servers)]
    if searches:
        lines.append(f"search {' '.join(dict.fromkeys(searches))}")
    if options:
        lines.append(f"options {' '.join(_latest(options))}")
    return "\n".join(lines) + "\n"


def _latest(options: list[str]) -> list[str]:
    """Of options with one name the last counts."""
    return list({option.partition(":")[0]: option for option in options}.values())
