"""At zero, frozen: the last instance is stopped where it was, and goes on within milliseconds."""

from __future__ import annotations

import time
from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import Namespace, a_service, at_once, condition

FROZEN = "node.wakeful.dev/frozen"


@pytest.fixture(scope="module", autouse=True)
def service(namespace: Namespace) -> None:
    annotations = {
        "autoscaling.knative.dev/window": "1s",
        "autoscaling.wakeful.dev/at-zero": "frozen",
        "autoscaling.wakeful.dev/frozen-for": "10s",
    }
    namespace.apply(a_service("light", annotations=annotations, env={"TARGET": "light"}))
    namespace.ready("light")


def frozen_pods(namespace: Namespace) -> list[Any]:
    pods = namespace.pods("light")
    return [pod for pod in pods if FROZEN in pod["metadata"].get("annotations", {})]


def frozen(namespace: Namespace) -> Any:
    found = frozen_pods(namespace)
    return found[0] if found and namespace.ready_pods("light") == 0 else None


def test_frozen_thawed_and_gone(namespace: Namespace) -> None:
    """The same process answers again, at once; after its time it is gone, and a new one comes."""
    first = namespace.ask("light").headers["x-instance"]
    pod = until(lambda: frozen(namespace))["metadata"]["name"]

    begun = time.monotonic()
    reply = namespace.ask("light")
    assert reply.headers["x-instance"] == first
    assert reply.text == "Hello light!\n"
    assert time.monotonic() - begun < 10  # a figure is for the benchmark

    assert until(lambda: frozen(namespace))["metadata"]["name"] == pod
    # Said while it is so, and that ends; what follows outlasts it.
    explain = ["explain", "ksvc", "light", "-n", namespace.name]
    assert "at-zero is frozen" in namespace.platform.wakeful(*explain).out
    until(lambda: "Frozen" in namespace.kubectl("get", "events").out)
    service = namespace.get("ksvc", "light")
    assert condition(service)["status"] == "True"
    scaler = namespace.get("podautoscaler", "light-00001")
    assert condition(scaler, "Active")["reason"] == "NoTraffic"
    until(lambda: not namespace.pods("light"))
    assert namespace.ask("light").headers["x-instance"] != first


def test_many_at_once_wake_it(namespace: Namespace) -> None:
    """What comes while it freezes, or while it thaws, is answered."""
    namespace.ask("light")
    until(lambda: frozen_pods(namespace))  # in the middle of it
    load = at_once(namespace, "light", 30)
    load.check()


def test_nonsense_is_refused(namespace: Namespace) -> None:
    bad = a_service("bad", annotations={"autoscaling.wakeful.dev/at-zero": "iced"})
    answer = namespace.apply(bad, check=False)
    assert answer.code != 0
    assert "autoscaling.wakeful.dev/at-zero" in answer.err
