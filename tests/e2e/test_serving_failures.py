"""What goes wrong is said where people look; what should not take traffic does not get it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import (
    AWAKE,
    FAST,
    PROBE_IMAGE,
    Namespace,
    a_service,
    condition,
)

MISSING = "localhost:1/nobody/pushed-this"
"""Of a registry that is asked what the tag stands for, and does not answer."""

UNBUILT = "dev.local/e2e/nobody-built-this"
"""Of a registry that is not asked: only the node finds out."""

HTTP = {"httpGet": {"path": "/ready"}}
TCP = {"tcpSocket": {"port": 0}}
EXEC = {"exec": {"command": ["/usr/bin/python3", "-S", "-E", "-I", "-c", "pass"]}}
PROBES: dict[str, dict[str, Any]] = {
    "http-0": HTTP | {"periodSeconds": 0},
    "http-1": HTTP | {"periodSeconds": 1},
    "tcp-0": TCP | {"periodSeconds": 0},
    "tcp-1": TCP | {"periodSeconds": 1},
    "exec-0": EXEC | {"periodSeconds": 0},
    "exec-1": EXEC | {"periodSeconds": 1},
    "book": {"httpGet": {"path": "/"}, "initialDelaySeconds": 3},
}


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    """Good ones and bad ones at once; waiting is left to the tests."""
    liveness = {
        "httpGet": {"path": "/alive"},
        "periodSeconds": 1,
        "timeoutSeconds": 20,
        "failureThreshold": 2,
    }
    startup = {"httpGet": {"path": "/ready"}, "periodSeconds": 1, "failureThreshold": 90}
    namespace.kubectl("create", "configmap", "mood", "--from-literal=TARGET=good")
    namespace.apply(
        *(
            a_service(f"probe-{name}", container={"readinessProbe": probe}, annotations=AWAKE)
            for name, probe in PROBES.items()
        ),
        a_service("missing", container={"image": MISSING}),
        a_service("unbuilt", container={"image": UNBUILT}),
        a_service("unset", container={"envFrom": [{"secretRef": {"name": "forgotten"}}]}),
        a_service("exits", env={"SAY": "no database", "EXIT_AT_START": "5"}),
        a_service("exits-quietly", container={"command": ["/bin/sh", "-c", "exit 3"]}),
        a_service(
            "late",
            env={"START_DELAY": "60"},
            annotations={"serving.knative.dev/progress-deadline": "4s"},
        ),
        a_service("heart", container={"livenessProbe": liveness}, annotations=AWAKE),
        a_service(
            "patient",
            container={"livenessProbe": liveness, "startupProbe": startup},
            env={"START_DELAY": "4"},
            annotations=AWAKE,
        ),
        a_service("good", env={"TARGET": "good"}, annotations=AWAKE),
        a_service("crashes", annotations=AWAKE),
        a_service("moody", container={"envFrom": [{"configMapRef": {"name": "mood"}}]}),
    )


def failed(namespace: Namespace, name: str, kind: str, *, seconds: float = 90) -> dict[str, Any]:
    def found() -> dict[str, Any] | None:
        seen = condition(namespace.get(kind, name))
        return seen if seen["status"] == "False" else None

    return dict(until(found, seconds=seconds, what=f"{kind} {name} fails"))


@pytest.mark.parametrize("name", list(PROBES))
def test_every_kind_of_readiness_probe_becomes_ready(namespace: Namespace, name: str) -> None:
    namespace.ready(f"probe-{name}")
    assert namespace.ask(f"probe-{name}").status == 200


def test_an_image_that_cannot_be_found(namespace: Namespace) -> None:
    revision = failed(namespace, "missing-00001", "revision")
    assert revision["reason"] == "ContainerMissing"
    assert revision["message"].startswith(
        f'Unable to fetch image "{MISSING}": failed to resolve image to digest: '
    )
    healthy = condition(namespace.get("revision", "missing-00001"), "ContainerHealthy")
    assert (healthy["status"], healthy["reason"]) == ("False", "ContainerMissing")
    configuration = failed(namespace, "missing", "configuration")
    assert configuration["reason"] == "RevisionFailed"
    assert configuration["message"] == (
        f'Revision "missing-00001" failed with message: {revision["message"]}.'
    )
    failed(namespace, "missing", "ksvc")
    route = failed(namespace, "missing", "route.serving.knative.dev")
    assert route["reason"] == "RevisionMissing"
    assert route["message"] == 'Configuration "missing" does not have any ready Revision.'
    assert namespace.ask("missing").status == 404


@pytest.mark.parametrize(
    ("name", "reason", "message"),
    [
        ("exits", "ExitCode5", "Container failed with: no database"),
        ("exits-quietly", "ExitCode3", "Container failed with: "),
    ],
)
def test_a_program_that_ends(namespace: Namespace, name: str, reason: str, message: str) -> None:
    """Exit code as reason, its last words as message, on all levels."""
    revision = failed(namespace, f"{name}-00001", "revision")
    healthy = condition(namespace.get("revision", f"{name}-00001"), "ContainerHealthy")
    assert (healthy["status"], healthy["reason"]) == ("False", reason)
    assert healthy["message"].startswith(message)
    assert revision["reason"] == reason
    assert failed(namespace, name, "configuration")["reason"] == "RevisionFailed"
    failed(namespace, name, "ksvc")
    service = condition(namespace.get("ksvc", name), "ConfigurationsReady")
    assert service["reason"] == "RevisionFailed"


def test_an_image_that_was_never_built(namespace: Namespace) -> None:
    revision = failed(namespace, "unbuilt-00001", "revision")
    assert revision["reason"] in ("ImagePullBackOff", "ErrImagePull")
    assert UNBUILT in revision["message"]
    assert failed(namespace, "unbuilt", "configuration")["reason"] == "RevisionFailed"


def test_a_secret_that_was_forgotten_and_then_made(namespace: Namespace) -> None:
    """The reason names it; once it is there, the service comes up by itself."""
    revision = failed(namespace, "unset-00001", "revision")
    assert revision["reason"] == "CreateContainerConfigError"
    assert 'secret "forgotten" not found' in revision["message"]
    namespace.kubectl("create", "secret", "generic", "forgotten", "--from-literal=A=b")
    namespace.ready("unset")
    assert namespace.ask("unset", "/info").json()["env"]["A"] == "b"


def test_a_failed_service_recovers_with_its_next_version(namespace: Namespace) -> None:
    failed(namespace, "exits", "ksvc")
    namespace.apply(a_service("exits", env={"TARGET": "mended"}))
    until(lambda: namespace.ask("exits").text == "Hello mended!\n")
    namespace.ready("exits")


def test_a_program_that_never_listens_meets_its_deadline(namespace: Namespace) -> None:
    revision = failed(namespace, "late-00001", "revision")
    assert revision["reason"] == "ProgressDeadlineExceeded"
    assert failed(namespace, "late", "ksvc")["status"] == "False"


def test_a_bad_version_leaves_the_good_one_serving(namespace: Namespace) -> None:
    namespace.ready("good")
    namespace.apply(a_service("good", env={"EXIT_AT_START": "1"}, annotations=AWAKE))
    failed(namespace, "good", "ksvc")
    status = namespace.get("ksvc", "good")["status"]
    assert status["latestCreatedRevisionName"] == "good-00002"
    assert status["latestReadyRevisionName"] == "good-00001"
    assert namespace.ask("good").text == "Hello good!\n"


def test_a_program_that_ends_while_it_serves_is_started_again(namespace: Namespace) -> None:
    namespace.ready("crashes")
    namespace.ask("crashes", "/exit?code=9")
    until(lambda: namespace.ask("crashes").status == 200)
    pod = until(
        lambda: next(
            (
                p
                for p in namespace.pods("crashes")
                if p["status"]["containerStatuses"][0]["restartCount"]
            ),
            None,
        )
    )
    ended = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert ended["exitCode"] == 9


def test_failing_liveness_restarts_the_container(namespace: Namespace) -> None:
    """Nobody who asks meanwhile is told that a container ended: the next one answers them."""
    namespace.ready("heart")
    before = namespace.ask("heart", "/switch?alive=0").text

    def answers(_asker: int) -> list[str]:
        """What is answered, up to and with the first answer of the container started again."""
        heard = [namespace.ask("heart", "/info")]
        while heard[-1].status != 200 or heard[-1].json()["instance"] == before:
            heard.append(namespace.ask("heart", "/info"))
        return [answer.text for answer in heard]

    with ThreadPoolExecutor(8) as askers:
        heard = [text for texts in askers.map(answers, range(8)) for text in texts]

    assert [text for text in heard if text.startswith("Container failed")] == []
    pod = until(lambda: next(iter(namespace.pods("heart")), None))
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 1


def test_a_program_that_ends_as_it_wakes_is_told_to_those_who_wait(namespace: Namespace) -> None:
    """It served before; that its next instance cannot start is known long before any timeout."""
    namespace.ready("moody")
    namespace.asleep("moody")
    namespace.kubectl("patch", "configmap", "mood", "-p", '{"data": {"EXIT_AT_START": "4"}}')

    for _first_and_later in range(2):
        answer = namespace.ask("moody")
        assert (answer.status, answer.text.startswith("Container failed with: ")) == (503, True)


def test_liveness_waits_for_the_startup_probe(namespace: Namespace) -> None:
    """It would have failed twice while the program started."""
    namespace.ready("patient")
    pod = namespace.pods("patient")[0]
    assert pod["status"]["containerStatuses"][0]["restartCount"] == 0


def test_an_instance_that_turns_unready_gets_no_traffic(namespace: Namespace) -> None:
    """Requests wait for it, or for another one; they do not reach it."""
    name = "probe-http-1"
    namespace.ready(name)
    assert namespace.ask(name, "/switch?healthy=0").status == 200
    until(lambda: namespace.ready_pods(name) == 0)
    with pytest.raises(TimeoutError):
        namespace.ask(name, "/", timeout=1.5)
    pod = namespace.pods(name)[0]["metadata"]["name"]
    code = "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/switch?healthy=1')"
    namespace.kubectl("exec", pod, "-c", "user-container", "--", "/usr/bin/python3", "-c", code)
    assert namespace.ask(name, "/").status == 200


def test_pods_that_are_deleted_by_hand_are_replaced(namespace: Namespace) -> None:
    name = "probe-tcp-0"
    namespace.ready(name)
    before = namespace.pods(name)[0]["metadata"]["name"]
    begun = time.monotonic()
    namespace.kubectl("delete", "pod", before)
    assert time.monotonic() - begun < 100  # the grace period is five minutes
    assert namespace.ask(name).status == 200
    assert namespace.pods(name)[0]["metadata"]["name"] != before


def test_a_pod_that_fits_nowhere_says_so(namespace: Namespace) -> None:
    namespace.apply(
        a_service("greedy", container={"resources": {"requests": {"cpu": "500"}}}, annotations=FAST)
    )

    def unschedulable() -> dict[str, Any] | None:
        seen = condition(namespace.get("revision", "greedy-00001"), "ResourcesAvailable")
        return seen if seen.get("reason") == "Unschedulable" else None

    found = until(unschedulable)
    assert "Insufficient cpu" in found["message"]


def test_a_service_in_anothers_way_is_reported(namespace: Namespace) -> None:
    """A Configuration of the same name that belongs to nobody."""
    other = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Configuration",
        "metadata": {"name": "occupied"},
        "spec": {"template": {"spec": {"containers": [{"image": PROBE_IMAGE}]}}},
    }
    namespace.apply(other)
    namespace.apply(a_service("occupied"))
    found = failed(namespace, "occupied", "ksvc")
    assert found["reason"] == "NotOwned"
    assert found["message"] == 'There is an existing Configuration "occupied" that we do not own.'
