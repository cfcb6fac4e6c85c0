"""At zero, a zygote: a new instance waits with its modules imported, and begins when asked."""

from __future__ import annotations

import http.client
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from wakeful.testing.platform import Platform, until
from wakeful.testing.services import Namespace, a_service, at_once, condition

PARKED, TOLD = "node.wakeful.dev/parked", "node.wakeful.dev/zygote"
IMAGE = "dev.local/e2e/imports"
ZYGOTE = {
    "autoscaling.knative.dev/window": "1s",
    "autoscaling.wakeful.dev/at-zero": "zygote",
}
WORD = {"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "words", "key": "word"}}}


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace, platform: Platform) -> None:
    platform.wakeful("build", str(Path(__file__).parent / "apps" / "imports"), "-t", IMAGE)
    namespace.apply(
        a_secret("first"),
        a_service("slow", container={"image": IMAGE, "env": [WORD]}, annotations=ZYGOTE),
        a_service("probe", annotations=ZYGOTE),
    )
    namespace.ready("slow", "probe")


def a_secret(word: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "words"},
        "stringData": {"word": word},
    }


def waiting(namespace: Namespace) -> Any:
    """The Pod that waits, once it has imported everything."""

    def look() -> Any:
        pods = namespace.pods("slow")
        marks = pods[0]["metadata"]["annotations"] if len(pods) == 1 else {}
        return pods[0] if PARKED in marks and "imported in" in marks.get(TOLD, "") else None

    return until(look, seconds=60)


def at_zero(namespace: Namespace, service: str) -> str:
    """What is kept of the first revision, in words."""
    return str(namespace.get("podautoscaler", f"{service}-00001")["status"].get("atZero", ""))


def test_it_waits_begins_and_makes_place(namespace: Namespace) -> None:
    """Each wake is a new instance, that of the Pod that waited, its modules imported before."""
    used = namespace.ask("slow").json()
    pod = waiting(namespace)["metadata"]["name"]
    assert pod != used["hostname"]
    until(lambda: "ZygoteWaiting" in namespace.kubectl("get", "events").out)
    assert condition(namespace.get("ksvc", "slow"))["status"] == "True"
    scaler = namespace.get("podautoscaler", "slow-00001")
    assert condition(scaler, "Active")["reason"] == "NoTraffic"
    assert at_zero(namespace, "slow").startswith("zygote")
    explain = ["explain", "ksvc", "slow", "-n", namespace.name]
    assert "at-zero is zygote" in namespace.platform.wakeful(*explain).out

    asked = time.time()
    seen = namespace.ask("slow").json()
    assert seen["hostname"] == seen["env"]["HOSTNAME"] == pod
    assert seen["imported_at"] < asked < seen["begun_at"]
    assert seen["argv"] == used["argv"]
    own = {"HOSTNAME"}
    assert {k: v for k, v in seen["env"].items() if k not in own} == {
        k: v for k, v in used["env"].items() if k not in own
    }
    assert f"begins on {pod}" in namespace.kubectl("logs", pod).out


def test_many_at_once_wake_it(namespace: Namespace) -> None:
    """What comes while a zygote is made, or begins, is answered."""
    namespace.ask("slow")
    until(lambda: any(PARKED in p["metadata"]["annotations"] for p in namespace.pods("slow")))
    at_once(namespace, "slow", 30).check()


def test_a_changed_secret_is_not_overlooked(namespace: Namespace) -> None:
    """What waits with the old one is started anew."""
    waiting(namespace)
    namespace.apply(a_secret("second"))
    until(lambda: "ZygoteRenewed" in namespace.kubectl("get", "events").out)
    assert namespace.ask("slow").json()["env"]["WORD"] == "second"


def test_how_it_ends_is_told(namespace: Namespace) -> None:
    """The exit code of a program that a zygote began is the Pod's."""
    pod = waiting(namespace)["metadata"]["name"]
    with suppress(OSError, http.client.HTTPException):
        namespace.ask("slow", "/exit")

    def ended() -> Any:
        (status,) = namespace.get("pod", pod)["status"]["containerStatuses"]
        return (status.get("lastState") or status["state"]).get("terminated")

    assert until(ended)["exitCode"] == 3


def test_what_cannot_wait_is_gone(namespace: Namespace) -> None:
    """An interpreter that takes no hooks: it is said why, and the service works as ever."""
    namespace.ask("probe")
    until(lambda: "ZygoteUnfit" in namespace.kubectl("get", "events").out, seconds=90)
    until(lambda: not namespace.pods("probe"), seconds=60)
    until(lambda: at_zero(namespace, "probe").startswith("gone: "), seconds=60)
    assert namespace.ask("probe").status == 200


def test_nonsense_is_refused(namespace: Namespace) -> None:
    bad = a_service("bad", annotations={**ZYGOTE, "autoscaling.wakeful.dev/zygote-for": "ever"})
    answer = namespace.apply(bad, check=False)
    assert answer.code != 0
    assert "autoscaling.wakeful.dev/zygote-for" in answer.err
