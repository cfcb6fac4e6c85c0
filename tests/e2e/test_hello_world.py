"""The book's Serving Hello World, with its own YAML, by kubectl and curl."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from pathlib import Path

import pytest

from wakeful.testing.platform import EXAMPLES, Platform, until

NAME = "helloworld-go"
HOST = f"{NAME}.default.localhost"
MANIFEST = EXAMPLES / "hello-python" / "service.yaml"


def instances(platform: Platform) -> list[str]:
    pods = platform.get("pods", "-l", f"serving.knative.dev/service={NAME}")
    return [
        p["metadata"]["name"]
        for p in pods["items"]
        if any(
            c["type"] == "Ready" and c["status"] == "True"
            for c in p.get("status", {}).get("conditions", ())
        )
    ]


@pytest.fixture(scope="module", autouse=True)
def hello(platform: Platform) -> None:
    platform.kubectl("apply", "-f", str(MANIFEST))
    platform.kubectl("wait", "ksvc", NAME, "--for=condition=Ready", "--timeout=100s")


def test_it_answers(platform: Platform) -> None:
    assert platform.curl(HOST).out == "Hello World!\n\n200"


def test_its_address_is_where_the_book_reads_it(platform: Platform) -> None:
    domain = platform.kubectl("get", "route", NAME, "--output", "jsonpath={.status.domain}").out
    assert domain == HOST
    gateway = platform.kubectl(
        "get",
        "svc",
        "istio-ingressgateway",
        "--namespace",
        "istio-system",
        "--output",
        "jsonpath={.status.loadBalancer.ingress[*].ip}",
    ).out
    assert gateway == "127.0.0.1"


def test_applying_it_again_changes_nothing(platform: Platform) -> None:
    before = platform.get("ksvc", NAME)["metadata"]

    # Clients compare lists as they were sent with lists that have defaults, so kubectl may well say
    # "configured"; what counts is that nothing was.
    platform.kubectl("apply", "-f", str(MANIFEST))

    after = platform.get("ksvc", NAME)["metadata"]
    assert (after["generation"], after["resourceVersion"]) == (
        before["generation"],
        before["resourceVersion"],
    )


def test_the_whole_chain_of_objects_is_there(platform: Platform) -> None:
    service = platform.get("ksvc", NAME)
    revision = service["status"]["latestReadyRevisionName"]
    assert revision == f"{NAME}-00001"
    for kind in ("configuration", "route", "kingress"):
        assert platform.get(kind, NAME)["metadata"]["ownerReferences"][0]["controller"]
    for kind in ("revision", "podautoscaler", "sks", "metric"):
        assert platform.get(kind, revision)["metadata"]["name"] == revision
    assert platform.get("deployment", f"{revision}-deployment")["spec"]["replicas"] >= 0
    ready = {c["type"]: c["status"] for c in service["status"]["conditions"]}
    assert ready == {"ConfigurationsReady": "True", "Ready": "True", "RoutesReady": "True"}


def test_fifty_at_once_make_five_instances_and_nothing_fails(platform: Platform) -> None:
    until(lambda: not instances(platform), what="asleep before the load")
    statuses: Counter[str] = Counter()
    enough = threading.Event()
    lock = threading.Lock()

    address = platform.addresses["http"].removeprefix("http://")

    def client() -> None:
        connection = http.client.HTTPConnection(address, timeout=90)
        while not enough.is_set():
            connection.request("GET", "/?sleep=100", headers={"Host": HOST})
            response = connection.getresponse()
            response.read()
            with lock:
                statuses[str(response.status)] += 1
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(50)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(instances(platform)) >= 5, what="five instances")
    finally:
        enough.set()
        for thread in threads:
            thread.join()

    assert set(statuses) == {"200"}


def test_it_falls_asleep_and_wakes_for_a_request(platform: Platform) -> None:
    until(lambda: not instances(platform), what="scaled to zero")
    service = platform.get("ksvc", NAME)
    assert {c["status"] for c in service["status"]["conditions"]} == {"True"}

    address = platform.addresses["http"].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=60)
    connection.request("GET", "/", headers={"Host": HOST, "X-Wakeful-Timing": "cold-start"})
    answer = connection.getresponse()
    text, timing = answer.read(), answer.headers["Server-Timing"]
    connection.close()

    assert (answer.status, text) == (200, b"Hello World!\n")
    phases = re.findall(r"(\w+);dur=[0-9.]+", timing)
    assert phases == ["decision", "spawn", "boot", "ready", "programmed"]


def test_it_explains_its_scale(platform: Platform) -> None:
    until(lambda: not instances(platform), what="asleep, for the request to be a cold start")
    platform.curl(HOST)

    def words() -> str:
        return platform.wakeful("explain", "ksvc", NAME).out

    assert NAME in words()
    until(lambda: "concurrent on average over" in words())
    assert "last cold start" in words()


def test_logs_show_what_it_prints(platform: Platform) -> None:
    platform.curl(HOST)
    command = ("logs", "-l", f"serving.knative.dev/service={NAME}", "-c", "user-container")
    until(lambda: "listening" in platform.kubectl(*command, check=False).out)


def test_unknown_hosts_get_404(platform: Platform) -> None:
    assert platform.curl("nobody.default.localhost").out.endswith("404")


def test_files_are_where_they_belong(platform: Platform) -> None:
    key_files = list(Path(platform.data_dir, "pki").glob("*.key"))
    assert key_files
    assert {f.stat().st_mode & 0o077 for f in key_files} == {0}
