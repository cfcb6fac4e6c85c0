"""Starting, stopping and surviving: the contract of up, down and status."""

from __future__ import annotations

import json
import os
import signal
import threading
import urllib.error
import urllib.request

from wakeful.testing.platform import EXAMPLES, WAKEFUL, Platform, run, until


def test_second_up_says_that_one_runs(platform: Platform) -> None:
    answer = platform.wakeful("up", "--detach", check=False)

    assert answer.code != 0
    assert "already running" in answer.err


def test_status_tells_components_and_health(platform: Platform) -> None:
    status = json.loads(platform.wakeful("status", "-o", "json").out)

    assert status["ready"]
    names = {c["name"]: c for c in status["components"]}
    assert {"supervisor", "control-plane", "envoy"} <= set(names)
    assert all(c["healthy"] for c in names.values())


def test_down_on_an_unused_directory_is_no_error(platform: Platform) -> None:
    answer = run([*WAKEFUL, "down", "--data-dir", str(platform.data_dir / "unused")])

    assert "nothing was running" in answer.out


def test_warm_requests_survive_kill_9_of_the_control_plane(platform: Platform) -> None:
    """While the control plane is dead and comes back, no warm request fails."""
    name = "steady"
    manifest = (EXAMPLES / "hello-python" / "service.yaml").read_text()
    manifest = manifest.replace("name: helloworld-go", f"name: {name}").replace(
        'autoscaling.knative.dev/target: "10"', 'autoscaling.knative.dev/min-scale: "1"'
    )
    platform.kubectl("apply", "-f", "-", stdin=manifest)
    platform.kubectl("wait", "ksvc", name, "--for=condition=Ready", "--timeout=100s")
    before = platform.get("pods", "-l", f"serving.knative.dev/service={name}")["items"]
    codes: list[int] = []
    stop = threading.Event()

    def client() -> None:
        request = urllib.request.Request(
            platform.addresses["http"], headers={"Host": f"{name}.default.localhost"}
        )
        while not stop.is_set():
            try:
                with urllib.request.urlopen(request, timeout=60) as response:
                    codes.append(response.status)
            except urllib.error.HTTPError as err:
                codes.append(err.code)
            except OSError:
                codes.append(0)

    thread = threading.Thread(target=client)
    thread.start()
    try:
        until(lambda: len(codes) > 50)
        status = json.loads(platform.wakeful("status", "-o", "json").out)
        victim = next(c for c in status["components"] if c["name"] == "control-plane")
        os.kill(victim["pid"], signal.SIGKILL)

        def is_back() -> bool:
            answer = platform.wakeful("status", "-o", "json", check=False)
            try:
                found = json.loads(answer.out)
            except ValueError:
                return False
            pids = [c["pid"] for c in found["components"] if c["name"] == "control-plane"]
            return bool(found["ready"] and pids and victim["pid"] not in pids)

        until(is_back, what="control plane is back")
        before_more = len(codes)
        until(lambda: len(codes) > before_more + 50, what="some traffic after the restart")
    finally:
        stop.set()
        thread.join()

    assert set(codes) == {200}
    after = platform.get("pods", "-l", f"serving.knative.dev/service={name}")["items"]
    assert [p["metadata"]["uid"] for p in before] == [p["metadata"]["uid"] for p in after]
    assert [p["status"]["containerStatuses"][0]["containerID"] for p in before] == [
        p["status"]["containerStatuses"][0]["containerID"] for p in after
    ]
    platform.kubectl("delete", "ksvc", name)


def test_request_during_a_restart_wakes_its_service(platform: Platform) -> None:
    """It waits at the gate until there is a control plane again; and nobody turns unready."""
    name = "rests"
    manifest = (EXAMPLES / "hello-python" / "service.yaml").read_text()
    platform.kubectl("apply", "-f", "-", stdin=manifest.replace("helloworld-go", name, 1))
    platform.kubectl("wait", "ksvc", name, "--for=condition=Ready", "--timeout=100s")
    pods = ("pods", "-l", f"serving.knative.dev/service={name}")
    until(lambda: not platform.get(*pods)["items"], what="the service sleeps")
    before = ready_since(platform, name)
    status = json.loads(platform.wakeful("status", "-o", "json").out)
    victim = next(c for c in status["components"] if c["name"] == "control-plane")

    os.kill(victim["pid"], signal.SIGKILL)
    request = urllib.request.Request(
        platform.addresses["http"], headers={"Host": f"{name}.default.localhost"}
    )
    with urllib.request.urlopen(request, timeout=100) as response:
        assert response.status == 200

    until(
        lambda: platform.kubectl("get", "--raw", "/readyz", check=False).out == "ok",
        what="everything is ready",
    )
    assert ready_since(platform, name) == before
    platform.kubectl("delete", "ksvc", name)


def ready_since(platform: Platform, name: str) -> str:
    """When the Ready condition of a Service's Ingress became what it is."""
    found = platform.get("kingress", name)
    return next(
        c["lastTransitionTime"]
        for c in found["status"]["conditions"]
        if (c["type"], c["status"]) == ("Ready", "True")
    )
