"""The listings of the book's Serving chapters, unmodified, with the images that are built in."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from wakeful.testing.platform import Platform, until
from wakeful.testing.services import (
    Namespace,
    WebSocket,
    clients,
    requests,
)

BOOK = Path(__file__).parent / "book"
REGISTRY = "registry.cn-hangzhou.aliyuncs.com/knative-sample"


@pytest.fixture(scope="module", autouse=True)
def book(platform: Platform, grpc_image: str) -> Iterator[None]:
    """The images are built in but one; what was applied is removed again."""
    platform.wakeful("image", "tag", grpc_image, f"{REGISTRY}/grpc-ping-go:2019-10-15")
    yield
    names = ("traffic-example", "autoscale-go", "websocket-chat", "grpc-ping", "login-service")
    platform.kubectl("delete", "ksvc", *names, "readiness-prober", "--ignore-not-found")


@pytest.fixture(scope="module")
def default(platform: Platform) -> Namespace:
    return Namespace(platform, "default")


def apply(default: Namespace, listing: str) -> None:
    default.kubectl("apply", "-f", str(BOOK / listing))


def test_traffic_moves_from_version_to_version(default: Namespace) -> None:
    """The chapter on traffic: 100; 80 and 20; v3 under its tag only; 80, 10 and 10."""
    apply(default, "revision-v1.yaml")
    default.ready("traffic-example")
    assert set(requests(default, "traffic-example", 10).bodies) == {"Welcome to the v1 app!"}

    apply(default, "revision-v2.yaml")
    default.ready("traffic-example")
    load = requests(default, "traffic-example", 300)
    assert 30 <= load.bodies["Welcome to the v2 app!"] <= 92
    assert load.bodies["Welcome to the v1 app!"] == 300 - load.bodies["Welcome to the v2 app!"]

    apply(default, "revision-v3.yaml")
    until(
        lambda: (
            default.get("ksvc", "traffic-example")["status"]["latestReadyRevisionName"]
            == "traffic-example-v3"
        )
    )
    default.ready("traffic-example")
    url = default.kubectl(
        "get",
        "ksvc",
        "traffic-example",
        "--output",
        "jsonpath={.status.traffic[?(@.tag=='latest')].url}",
    ).out
    host = url.removeprefix("http://").partition(":")[0]
    assert host == "latest-traffic-example.default.localhost"
    served = default.get("ksvc", "traffic-example")["status"]["traffic"]
    assert [(t["revisionName"], t["percent"], t["latestRevision"]) for t in served] == [
        ("traffic-example-v1", 80, False),
        ("traffic-example-v2", 20, False),
        ("traffic-example-v3", 0, True),
    ]
    assert default.ask(host).text == "Welcome to the v2 app! \n"  # RESOURCE is v2 in this listing
    rows = default.kubectl(
        "get", "revision", "-l", "serving.knative.dev/service=traffic-example"
    ).out.splitlines()
    assert [re.split(r"\s+", row)[:5] for row in rows[1:]] == [
        [f"traffic-example-v{n}", "traffic-example", f"traffic-example-v{n}", str(n), "True"]
        for n in (1, 2, 3)
    ]

    # The book's last listing changes a named revision, which Knative never allowed. With a name
    # of its own for the template, its eight to one to one follows.
    answer = default.kubectl("apply", "-f", str(BOOK / "revision-v3-2.yaml"), check=False)
    assert answer.code != 0
    assert "Saw the following changes without a name change (-old +new)" in answer.err

    mended = (BOOK / "revision-v3-2.yaml").read_text().replace("example-v3", "example-v3b")
    default.kubectl("apply", "-f", "-", stdin=mended)
    default.ready("traffic-example")
    load = requests(default, "traffic-example", 400)
    load.check()
    assert load.bodies["Welcome to the v1 app!"] > 270
    assert 15 <= load.bodies["Welcome to the v3 app!"] <= 70
    assert default.ask("traffic-example", tag="latest").text == "Welcome to the v3 app! \n"

    # Going back is naming an older revision.
    patch = json.dumps(
        {"spec": {"traffic": [{"revisionName": "traffic-example-v1", "percent": 100}]}}
    )
    default.kubectl("patch", "ksvc", "traffic-example", "--type=merge", "-p", patch)
    default.ready("traffic-example")
    until(
        lambda: set(requests(default, "traffic-example", 20).bodies) == {"Welcome to the v1 app!"}
    )


def test_scenario_one_and_two_of_autoscaling(default: Namespace) -> None:
    """Fifty at once at ten each: five and more; with bounds exactly three, and one that stays."""
    apply(default, "autoscale-go.yaml")
    default.ready("autoscale-go")
    path = "/?sleep=100&prime=10000&bloat=5"
    with clients(default, "autoscale-go", 50, path) as load:
        until(lambda: default.ready_pods("autoscale-go") >= 5)
    load.check()

    apply(default, "autoscale-go-bounds.yaml")
    default.ready("autoscale-go")
    new = default.get("ksvc", "autoscale-go")["status"]["latestReadyRevisionName"]
    with clients(default, "autoscale-go", 50, path) as load:
        until(lambda: default.ready_pods("autoscale-go", revision=new) == 3)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            assert len(default.pods("autoscale-go", revision=new)) <= 3
    load.check()
    assert default.ready_pods("autoscale-go", revision=new) >= 1


def test_readiness_prober(default: Namespace) -> None:
    apply(default, "readiness-prober.yaml")
    default.ready("readiness-prober")
    assert default.ask("readiness-prober").text == "Hello World!\n"


def test_login_service_moves_to_a_domain_of_our_own(default: Namespace) -> None:
    """The chapter on routes: a line is added to config-domain, and the URL follows."""
    apply(default, "login-service.yaml")
    default.ready("login-service")
    assert default.ask("login-service").text == "Hello Login Service!\n"
    with default.platform.configured("config-domain", {"knative.kuberun.com": ""}):
        host = "login-service.default.knative.kuberun.com"
        until(lambda: default.ask(host).text == "Hello Login Service!\n")
        until(lambda: host in default.kubectl("get", "ksvc", "login-service").out)
        domain = default.kubectl(
            "get", "route", "login-service", "--output", "jsonpath={.status.domain}"
        ).out
        assert domain == host
    until(lambda: default.ask("login-service").status == 200)


def test_websocket_chat(default: Namespace) -> None:
    apply(default, "websocket-chat.yaml")
    default.ready("websocket-chat")
    with (
        WebSocket(default, "websocket-chat", "/ws") as first,
        WebSocket(default, "websocket-chat", "/ws") as second,
    ):
        for chat in (first, second):
            chat.send("hello")
            assert first.receive() == second.receive() == "hello"


def test_grpc_ping(default: Namespace) -> None:
    apply(default, "grpc-ping.yaml")
    default.ready("grpc-ping")
    options = [("grpc.default_authority", "grpc-ping.default.localhost")]
    with grpc.insecure_channel(default.address, options=options) as channel:
        unary = channel.unary_unary("/ping.PingService/Ping", None, None)
        assert unary(b"hello", timeout=20) == b"hello - pong"
