"""Programs written with the SDK, run as their users run them."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from wakeful.sdk import (
    APIModel,
    Client,
    ConditionedStatus,
    ConditionSet,
    ControllerRunner,
    GroupVersionKind,
    KResource,
    ObjectMeta,
    Reconciler,
    Resource,
)
from wakeful.testing.platform import BOOK_IMAGE, EXAMPLES, Platform, run, until

CREATE = EXAMPLES / "sdk-create-service" / "create_service.py"
CONTROLLER = EXAMPLES / "sdk-controller" / "controller.py"
KEY = "default/watched"
FIELDS = ["level", "ts", "caller", "msg", "knative.dev/traceid", "knative.dev/key"]


@contextmanager
def controller(platform: Platform, *args: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The example's controller while it runs, and the file it logs to."""
    with tempfile.TemporaryDirectory(prefix="wakeful-sdk-") as folder:
        written = Path(folder, "log")
        with written.open("wb") as log:
            kubeconfig = str(platform.data_dir / "kubeconfig")
            process = subprocess.Popen(
                [sys.executable, str(CONTROLLER), "--kubeconfig", kubeconfig, *args], stderr=log
            )
        try:
            yield process, written
        finally:
            process.kill()
            process.wait()


def lines(written: Path) -> list[dict[str, Any]]:
    """Every whole line logged so far."""
    return [json.loads(line) for line in written.read_text().split("\n")[:-1]]


def test_a_service_is_created_from_code_and_called(platform: Platform) -> None:
    env = os.environ | {"KUBECONFIG": str(platform.data_dir / "kubeconfig")}

    answer = run([sys.executable, str(CREATE), "--name", "from-code"], env=env)

    port = platform.addresses["http"].rpartition(":")[2]
    assert answer.out.splitlines() == [
        "Service default/from-code created",
        f"Service default/from-code is ready at http://from-code.default.localhost:{port}",
        "Hello SDK!",
        "Service default/from-code deleted",
    ]
    assert platform.kubectl("get", "ksvc", "from-code", check=False).code != 0


def test_a_service_that_cannot_work_is_reported_with_the_reason(platform: Platform) -> None:
    """A wrong object is refused by the server, and the program says in its words why."""
    kubeconfig = str(platform.data_dir / "kubeconfig")

    answer = run(
        [sys.executable, str(CREATE), "--kubeconfig", kubeconfig, "--image", "NOT AN IMAGE"],
        check=False,
    )

    assert answer.code != 0
    assert "could not parse reference: NOT AN IMAGE" in answer.err.splitlines()[-1]


def test_the_controller_logs_every_reconcile_with_its_trace(platform: Platform) -> None:
    """The lines of the book, field by field: one trace id for each reconcile of each object."""
    manifest = {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": "watched"},
        "spec": {"template": {"spec": {"containers": [{"image": BOOK_IMAGE}]}}},
    }
    with controller(platform) as (process, written):
        platform.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))

        def mine() -> list[dict[str, Any]]:
            return [line for line in lines(written) if line.get("knative.dev/key") == KEY]

        seen = "service: default/watched revision: default/watched-00001"
        until(lambda: any(line["msg"] == seen for line in mine()), what=seen)
        platform.kubectl("delete", "ksvc", "watched")
        gone = 'service "default/watched" in work queue no longer exists'
        until(lambda: any(line["msg"] == gone for line in mine()), what=gone)

        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        logged = lines(written)

    assert logged[-1]["msg"] == "Stopped."
    begun = [line for line in logged if line["msg"] == f"Reconcile: {KEY}"]
    for line in begun:
        assert list(line) == FIELDS
        assert line["level"] == "info"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}", line["ts"])
        assert re.fullmatch(r"sdk-controller/controller\.py:\d+", line["caller"])
        assert re.fullmatch(
            r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", line["knative.dev/traceid"]
        )
    traces = [line["knative.dev/traceid"] for line in begun]
    assert len(set(traces)) == len(traces)
    for trace in traces:
        whole = [line["msg"] for line in logged if line.get("knative.dev/traceid") == trace]
        assert whole[0] == f"Reconcile: {KEY}"
        assert re.fullmatch(r"Reconcile succeeded\. Time taken: [\d.]+(µs|ms|s)\.", whole[-1])


def test_one_of_two_replicas_works_and_the_other_takes_over(platform: Platform) -> None:
    """With leader election only the holder of the lease reconciles; it gives it back at its end."""

    def leads(written: Path) -> bool:
        return any(line["msg"] == "became leader" for line in lines(written))

    def holder() -> str:
        return str(platform.get("lease", "sdk-controller")["spec"].get("holderIdentity", ""))

    with controller(platform, "--leader-election") as (first, first_log):
        until(lambda: leads(first_log), what="the first replica leads")
        held = holder()
        with controller(platform, "--leader-election") as (second, second_log):
            until(lambda: lines(second_log), what="the second replica has started")
            first.send_signal(signal.SIGTERM)
            assert first.wait(timeout=60) == 0
            until(lambda: leads(second_log), what="the second replica leads")
            taken = holder()
            second.send_signal(signal.SIGINT)
            assert second.wait(timeout=60) == 0

    assert held != taken
    assert not holder()


class GreetingSpec(APIModel):
    name: str = ""


class Greeting(KResource[GreetingSpec, ConditionedStatus]):
    gvk: ClassVar = GroupVersionKind("sdk.example.com", "v1", "Greeting")

    spec: GreetingSpec = Field(default_factory=GreetingSpec)
    status: ConditionedStatus = Field(default_factory=ConditionedStatus)


GREETINGS = Resource(Greeting, plural="greetings", has_status=True)
GREETED = ConditionSet.living("Greeted")


class Greeter(Reconciler[Greeting]):
    finalizer = "greetings.sdk.example.com"

    def __init__(self, runner: ControllerRunner) -> None:
        self._runner = runner

    async def reconcile_kind(self, greeting: Greeting) -> None:
        GREETED.manage(greeting.status).mark_true("Greeted")
        self._runner.events.normal(greeting, "Greeted", f"Hello {greeting.spec.name}!")

    async def finalize_kind(self, greeting: Greeting) -> None:
        self._runner.events.normal(greeting, "Parted", f"Goodbye {greeting.spec.name}!")


async def test_a_kind_of_ones_own_lives_on_the_platform(platform: Platform) -> None:
    """Installed, installed again, reconciled, seen by kubectl, and finalized."""
    async with Client.connect(platform.data_dir / "kubeconfig", kinds=[GREETINGS]) as client:
        await client.install_kind(GREETINGS)
        await client.install_kind(GREETINGS)
        runner = ControllerRunner(client, name="greeter")
        runner.add(Greeting, Greeter(runner), conditions=GREETED)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(runner.run())
            greeting = await client.create(
                Greeting(metadata=ObjectMeta(name="first"), spec=GreetingSpec(name="World"))
            )
            await client.wait_for_condition(greeting)
            seen = platform.get("greetings.sdk.example.com", "first")
            await client.delete(Greeting, "first")
            await client.wait_until_gone(greeting)
            running.cancel()

    assert seen["metadata"]["finalizers"] == [Greeter.finalizer]
    assert {c["type"]: c["status"] for c in seen["status"]["conditions"]} == {
        "Ready": "True",
        "Greeted": "True",
    }
    platform.kubectl("delete", "crd", "greetings.sdk.example.com")
