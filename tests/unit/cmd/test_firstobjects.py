"""Objects that are there from the start."""

from __future__ import annotations

from pathlib import Path

from wakeful.cmd.firstobjects import services
from wakeful.config import Settings
from wakeful.reconciler.networking import GatewayDomains


def test_the_gateway_is_where_statuses_of_ingresses_say() -> None:
    """Clients look up the Service named there for address and ports."""
    settings = Settings(data_dir=Path("/d"), bind="127.0.0.9", http_port=81, https_port=444)
    found = {f"{s['metadata']['name']}.{s['metadata']['namespace']}": s for s in services(settings)}

    public, private = (
        found[name.removesuffix(".svc.cluster.local")]
        for name in (GatewayDomains().public, GatewayDomains().private)
    )

    assert [port["port"] for port in public["spec"]["ports"]] == [81, 444]
    assert public["status"]["loadBalancer"]["ingress"] == [{"ip": "127.0.0.9"}]
    assert [port["port"] for port in private["spec"]["ports"]] == [80]
