"""Several services under one host: by path, by header, by share, with the path rewritten."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import Namespace, a_service, condition

HOST = "knative.kuberun.com"


def a_route(*rules: dict[str, Any], hosts: tuple[str, ...] = (HOST,)) -> dict[str, Any]:
    return {
        "apiVersion": "networking.wakeful.dev/v1alpha1",
        "kind": "HostRoute",
        "metadata": {"name": "shop"},
        "spec": {"hosts": list(hosts), "rules": list(rules)},
    }


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    names = ("login", "search", "search-new")
    namespace.apply(*(a_service(f"{name}-service", env={"TARGET": name}) for name in names))
    namespace.ready(*(f"{name}-service" for name in names))
    claim = {
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "ClusterDomainClaim",
        "metadata": {"name": HOST},
        "spec": {"namespace": namespace.name},
    }
    namespace.apply(claim)


def serve(namespace: Namespace, *rules: dict[str, Any]) -> None:
    namespace.apply(a_route(*rules))
    found = namespace.get("hostroute", "shop")
    until(
        lambda: (
            condition(found := namespace.get("hostroute", "shop"))["status"] == "True"
            and found["status"]["observedGeneration"] == found["metadata"]["generation"]
        )
    )
    assert found["metadata"]["name"] == "shop"


def test_the_book_s_routes_by_path_and_header(namespace: Namespace) -> None:
    """/login leads to one service; /search to another, and only with the header."""
    serve(
        namespace,
        {"path": "/login", "to": [{"service": "login-service"}]},
        {"path": "/search", "headers": {"foo": "bar"}, "to": [{"service": "search-service"}]},
    )
    assert namespace.ask(HOST, "/login").text == "Hello login!\n"
    assert namespace.ask(HOST, "/login/now?x=1").text == "Hello login!\n"
    assert namespace.ask(HOST, "/logins").status == 404
    assert namespace.ask(HOST, "/search", headers={"foo": "bar"}).text == "Hello search!\n"
    assert namespace.ask(HOST, "/search").status == 404
    assert namespace.ask(HOST, "/").status == 404
    table = namespace.kubectl("get", "hostroute").out
    assert HOST in table
    assert "True" in table


def test_exact_paths_rewrites_and_shares(namespace: Namespace) -> None:
    serve(
        namespace,
        {"path": "/", "to": [{"service": "login-service"}]},
        {"path": "/hello", "pathType": "Exact", "to": [{"service": "search-service"}]},
        {"path": "/inner", "rewritePath": "/", "to": [{"service": "search-service"}]},
        {
            "path": "/split",
            "rewritePath": "/",
            "to": [
                {"service": "search-service", "percent": 75},
                {"service": "search-new-service", "percent": 25},
            ],
        },
    )
    assert namespace.ask(HOST, "/hello").text == "Hello search!\n"
    assert namespace.ask(HOST, "/hello/you").text == "Hello login!\n"
    assert "headers" in namespace.ask(HOST, "/inner/info").json()
    seen: Counter[str] = Counter()
    for _ in range(80):
        seen[namespace.ask(HOST, "/split").text] += 1
    assert set(seen) == {"Hello search!\n", "Hello search-new!\n"}
    assert 40 <= seen["Hello search!\n"] <= 76
    headers = namespace.ask(HOST, "/inner/info").json()["headers"]
    assert {name.lower(): value for name, value in headers.items()}["host"] == HOST


def test_faults_are_told_with_their_place(namespace: Namespace) -> None:
    bad = a_route(
        {"path": "login", "to": [{"service": "a", "percent": 50}, {"percent": 40}]},
        hosts=("nodots",),
    )
    answer = namespace.apply(bad, check=False)
    assert answer.code != 0
    for text in (
        "spec.hosts[0]",
        "spec.rules[0].path: invalid value: login",
        "expected exactly one, got neither",
        "spec.rules[0].to: traffic split percentage must total to 100, but was 90",
    ):
        assert text in answer.err

    namespace.apply(a_route({"to": [{"service": "missing"}]}))
    message = until(
        lambda: (
            (found := condition(namespace.get("hostroute", "shop"), "ReferenceResolved")).get(
                "status"
            )
            == "False"
            and found["message"]
        )
    )
    assert "spec.rules[0].to[0]" in message
    assert "missing" in message
