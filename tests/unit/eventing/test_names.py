"""Where hosts lead from outside instances."""

from __future__ import annotations

import pytest

from wakeful.eventing.delivery import NameTable, NoEndpointsError

TABLE = NameTable(
    ("127.0.0.1", 9000),
    {
        ("plain", "default"): {80: [("198.19.0.2", 8080), ("198.19.0.3", 8080)]},
        ("empty", "default"): {80: []},
    },
)


@pytest.mark.parametrize(
    "host",
    ["hello.default.svc.cluster.local", "hello.default.svc", "broker-ingress.knative-eventing.svc"],
)
def test_names_of_the_cluster_lead_to_the_gateway(host: str) -> None:
    assert TABLE.resolve(host, 80) == ("127.0.0.1", 9000)


def test_names_of_the_gateway_have_another_port_for_https() -> None:
    table = NameTable(("127.0.0.1", 9000), gateway_tls=("127.0.0.1", 9443))
    assert table.resolve("hello.default.svc.cluster.local", 443) == ("127.0.0.1", 9443)
    assert table.resolve("hello.default.svc.cluster.local", 80) == ("127.0.0.1", 9000)


def test_endpoints_of_a_plain_service_take_turns() -> None:
    found = {TABLE.resolve("Plain.default.svc.cluster.local.", 80) for _ in range(2)}
    assert found == {("198.19.0.2", 8080), ("198.19.0.3", 8080)}


@pytest.mark.parametrize(("name", "port"), [("empty", 80), ("plain", 81)])
def test_a_service_without_endpoints_says_so(name: str, port: int) -> None:
    with pytest.raises(NoEndpointsError, match=f"Service default/{name} has no ready endpoint"):
        TABLE.resolve(f"{name}.default.svc.cluster.local", port)


def test_other_hosts_are_left_to_the_system() -> None:
    assert TABLE.resolve("example.org", 443) == ("example.org", 443)
    assert TABLE.resolve("hello.default.localhost", 8080) == ("127.0.0.1", 8080)
