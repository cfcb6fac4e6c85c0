"""Phase and conditions of a Pod from what its containers do."""

from __future__ import annotations

from datetime import UTC, datetime

from wakeful.apis.core import Pod
from wakeful.apis.core.pod_types import PodStatus
from wakeful.node.restart import CrashBackoff, should_restart
from wakeful.node.status import ContainerSnapshot, make_pod_status, running, terminated

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_pod(policy: str = "Always", status: PodStatus | None = None) -> Pod:
    pod = Pod.from_wire(
        {"metadata": {"name": "p", "namespace": "default"}, "spec": {"restartPolicy": policy}}
    )
    return pod.model_copy(update={"status": status or PodStatus()})


def status_of(
    pod: Pod, *main: ContainerSnapshot, init: tuple[ContainerSnapshot, ...] = ()
) -> PodStatus:
    return make_pod_status(
        pod, init, main, pod_ip="198.19.0.7", host_ip="127.0.0.1", started_at=NOW, now=NOW
    )


def up(name: str = "c", *, ready: bool = True) -> ContainerSnapshot:
    return ContainerSnapshot(
        name, "i", state=running(NOW), ready=ready, started=True, container_id="sandbox://1"
    )


def ended(code: int, name: str = "c") -> ContainerSnapshot:
    state = terminated(
        exit_code=code,
        signal=None,
        reason="Completed" if code == 0 else "Error",
        message="",
        started_at=NOW,
        finished_at=NOW,
        container_id="sandbox://1",
    )
    return ContainerSnapshot(name, "i", state=state, final=True, container_id="sandbox://1")


def condition(status: PodStatus, kind: str) -> str:
    found = status.condition(kind)
    assert found is not None
    return found.status


def test_pod_is_pending_until_a_container_runs() -> None:
    status = status_of(a_pod(), ContainerSnapshot("c", "i"))

    assert status.phase == "Pending"
    assert condition(status, "Ready") == "False"
    assert status.container_statuses[0].state is not None
    assert status.container_statuses[0].state.waiting is not None


def test_pod_is_ready_when_all_containers_are() -> None:
    assert condition(status_of(a_pod(), up("a"), up("b")), "Ready") == "True"
    half = status_of(a_pod(), up("a"), up("b", ready=False))
    assert condition(half, "Ready") == "False"
    assert half.phase == "Running"
    ready = half.condition("Ready")
    assert ready is not None
    assert ready.message == "containers with unready status: [b]"


def test_pod_waits_for_its_init_containers() -> None:
    status = status_of(a_pod(), ContainerSnapshot("c", "i"), init=(up("setup"),))

    assert status.phase == "Pending"
    assert condition(status, "Initialized") == "False"


def test_job_pod_ends_as_its_containers_did() -> None:
    assert status_of(a_pod("Never"), ended(0)).phase == "Succeeded"
    assert status_of(a_pod("Never"), ended(0, "a"), ended(3, "b")).phase == "Failed"


def test_transition_time_is_kept_while_nothing_changes() -> None:
    first = status_of(a_pod(), up())
    later = make_pod_status(
        a_pod(status=first),
        (),
        [up()],
        pod_ip="198.19.0.7",
        host_ip="127.0.0.1",
        started_at=NOW,
        now=NOW.replace(hour=5),
    )

    assert later == first


def test_restart_policies() -> None:
    assert should_restart("Always", 0)
    assert should_restart("OnFailure", 1)
    assert not should_restart("OnFailure", 0)
    assert not should_restart("Never", 1)


def test_crash_backoff_doubles_and_is_forgiven_after_a_long_run() -> None:
    backoff = CrashBackoff()

    assert [backoff.next_delay(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]
    assert backoff.next_delay(700) == 0
