"""Tasks and pipelines of Tekton as their users meet them: manifests in, results and logs out."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wakeful.testing.platform import Platform, until

NAMESPACE = "pipelines"
SHELL = "busybox"


class Tekton:
    """Runs of one namespace."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def kubectl(self, *args: str, check: bool = True, stdin: str | None = None) -> Any:
        return self.platform.kubectl("-n", NAMESPACE, *args, check=check, stdin=stdin)

    def create(self, *objects: dict[str, Any]) -> None:
        wire = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("create", "-f", "-", stdin=json.dumps(wire))

    def get(self, kind: str, name: str) -> Any:
        return self.platform.get(kind, name, "-n", NAMESPACE)

    def ended(self, kind: str, name: str, *, seconds: float = 120) -> Any:
        """The run once it has ended, well or not."""
        return until(lambda: self._if_ended(kind, name), seconds=seconds, what=f"{kind} {name}")

    def _if_ended(self, kind: str, name: str) -> Any:
        run = self.get(kind, name)
        return run if condition(run)["status"] != "Unknown" else None

    def logs(self, run: str, step: str, *args: str) -> str:
        out: str = self.kubectl("logs", f"{run}-pod", "-c", f"step-{step}", *args).out
        return out


def condition(run: Any) -> Any:
    return (run.get("status", {}).get("conditions") or [{"status": "Unknown", "reason": ""}])[0]


def reason(run: Any) -> tuple[str, str]:
    found = condition(run)
    return found["status"], found["reason"]


def results(run: Any) -> dict[str, Any]:
    return {r["name"]: r["value"] for r in run["status"].get("results", [])}


def sh(name: str, script: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "image": SHELL, "script": script, **more}


def a_task_run(name: str, *steps: dict[str, Any], task: Any = None, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "TaskRun",
        "metadata": {"name": name},
        "spec": {"taskSpec": {"steps": list(steps), **(task or {})}, **spec},
    }


def a_pipeline_run(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"name": name},
        "spec": spec,
    }


def inline(name: str, script: str, *, produces: tuple[str, ...] = (), **more: Any) -> Any:
    task = {"steps": [sh("run", script)], "results": [{"name": n} for n in produces]}
    return {"name": name, "taskSpec": task, **more}


@pytest.fixture(scope="module")
def tekton(platform: Platform) -> Iterator[Tekton]:
    platform.kubectl("create", "namespace", NAMESPACE)
    try:
        yield Tekton(platform)
    finally:
        platform.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def test_task_by_reference(tekton: Tekton) -> None:
    """Parameters, workspaces, results, failures to ignore, a sidecar, logs of each step."""
    task = {
        "apiVersion": "tekton.dev/v1",
        "kind": "Task",
        "metadata": {"name": "everything", "labels": {"team": "tools"}},
        "spec": {
            "params": [
                {"name": "who", "default": "world"},
                {"name": "words", "type": "array", "default": ["x", "y z"]},
            ],
            "workspaces": [{"name": "data"}, {"name": "conf", "readOnly": True}],
            "results": [{"name": "greeting"}, {"name": "list", "type": "array"}],
            "stepTemplate": {"env": [{"name": "FROM", "value": "template"}]},
            "sidecars": [
                {
                    "name": "beside",
                    "image": SHELL,
                    "script": "touch /beside/up; while :; do sleep 1; done",
                    "volumeMounts": [{"name": "beside", "mountPath": "/beside"}],
                    "readinessProbe": {"exec": {"command": ["ls", "/beside/up"]}},
                }
            ],
            "volumes": [{"name": "beside", "emptyDir": {}}],
            "steps": [
                sh(
                    "write",
                    "ls /beside/up\n"
                    'echo "$FROM $(cat $(workspaces.conf.path)/key)" > $(workspaces.data.path)/f\n'
                    'printf "hello $(params.who)" > $(results.greeting.path)',
                    volumeMounts=[{"name": "beside", "mountPath": "/beside"}],
                ),
                sh("fail", "exit 7", onError="continue"),
                {
                    "name": "args",
                    "image": "ubuntu",
                    "command": ["sh", "-c", 'printf "[%s]" "$@"', "sh"],
                    "args": ["$(params.words[*])", "end"],
                },
                sh(
                    "read",
                    "cat $(workspaces.data.path)/f $(steps.step-fail.exitCode.path); echo\n"
                    'echo \'["a","b"]\' > $(results.list.path)\n'
                    "touch $(workspaces.conf.path)/x || echo is read-only",
                ),
            ],
        },
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "conf"},
        "data": {"key": "value"},
    }
    run = a_task_run("everything-1")
    run["spec"] = {
        "taskRef": {"name": "everything"},
        "params": [{"name": "who", "value": "you"}],
        "workspaces": [
            {"name": "data", "emptyDir": {}},
            {"name": "conf", "configMap": {"name": "conf"}},
        ],
    }
    tekton.create(task, config, run)

    done = tekton.ended("taskrun", "everything-1")

    assert reason(done) == ("True", "Succeeded"), condition(done)
    assert results(done) == {"greeting": "hello you", "list": ["a", "b"]}
    assert done["metadata"]["labels"]["tekton.dev/task"] == "everything"
    assert done["metadata"]["labels"]["team"] == "tools"
    assert tekton.logs("everything-1", "args").strip() == "[x][y z][end]"
    read = tekton.logs("everything-1", "read")
    assert read.startswith("template value\n7\n")
    assert read.endswith("is read-only\n")
    steps = {s["name"]: s for s in done["status"]["steps"]}
    assert steps["fail"]["terminationReason"] == "Continued"
    assert steps["fail"]["terminated"]["exitCode"] == 7
    assert "@sha256:" in steps["args"]["imageID"]
    pod = until(lambda: _finished(tekton.get("pod", "everything-1-pod")))
    assert pod["status"]["phase"] == "Succeeded", "the sidecar was ended, and ended well"


def _finished(pod: Any) -> Any:
    return pod if pod["status"]["phase"] in ("Succeeded", "Failed") else None


def test_image_with_nothing_but_a_program(tekton: Tekton, tmp_path: Path) -> None:
    """No shell, no libraries, nothing of Tekton's: the platform needs nothing inside."""
    archive = tmp_path / "bare.tar"
    archive.write_bytes(bare_image("dev.local/e2e/bare:1", static_program()))
    tekton.platform.wakeful("image", "load", str(archive))
    bare = {"image": "dev.local/e2e/bare:1"}
    tekton.create(
        a_task_run(
            "bare",
            {"name": "own", "args": ["--version"], **bare},
            {"name": "named", "command": ["/program"], "args": ["--help"], **bare},
        ),
        a_task_run("scriptless", {"name": "a", "script": "echo never", **bare}),
    )

    assert reason(tekton.ended("taskrun", "bare")) == ("True", "Succeeded")
    assert tekton.logs("bare", "own").startswith("ldconfig ")
    assert "Usage: program" in tekton.logs("bare", "named")
    assert reason(tekton.ended("taskrun", "scriptless")) == ("False", "StepFailed")
    assert "Error executing command" in tekton.logs("scriptless", "a")


def static_program() -> Path:
    """One that every Linux with glibc has; Ubuntu keeps it behind a script."""
    real = Path("/sbin/ldconfig.real")
    return real if real.exists() else Path("/sbin/ldconfig")


def bare_image(name: str, program: Path) -> bytes:
    """An archive as ``docker save`` writes it, of an image with one static program."""

    def tar(**files: bytes) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as made:
            for path, data in files.items():
                info = tarfile.TarInfo(path.replace("_", "."))
                info.size, info.mode = len(data), 0o755
                made.addfile(info, io.BytesIO(data))
        return buffer.getvalue()

    layer = tar(program=program.read_bytes())
    config = {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine],
        "os": "linux",
        "config": {"Entrypoint": ["/program"]},
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()],
        },
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    return tar(
        config_json=json.dumps(config).encode(),
        layer_tar=layer,
        manifest_json=json.dumps(manifest).encode(),
    )


def test_tasks_that_end_badly(tekton: Tekton) -> None:
    """Failure, time, cancellation, retries, an image that nobody has: each says why."""
    tekton.create(
        a_task_run("fails", sh("a", "echo before; exit 3"), sh("b", "echo never")),
        a_task_run("step-late", sh("a", "sleep 60", timeout="1s")),
        a_task_run("late", sh("a", "sleep 60"), timeout="2s"),
        a_task_run("cancelled", sh("a", "sleep 60")),
        a_task_run(
            "retried",
            sh("a", "echo $(context.task.retry-count); [ $(context.task.retry-count) = 2 ]"),
            retries=3,
        ),
        a_task_run("imageless", {"name": "a", "image": "localhost:1/nobody/pushed-this"}),
        a_task_run(
            "mistyped",
            sh("a", "echo no > $(results.r.path)"),
            task={"results": [{"name": "r", "type": "array"}]},
        ),
    )
    until(lambda: condition(tekton.get("taskrun", "cancelled"))["reason"] == "Running")
    patch = '[{"op": "replace", "path": "/spec/status", "value": "TaskRunCancelled"}]'
    tekton.kubectl("patch", "taskrun", "cancelled", "--type", "json", "-p", patch)

    found = {
        name: tekton.ended("taskrun", name)
        for name in ("fails", "step-late", "late", "cancelled", "retried", "imageless", "mistyped")
    }

    assert {name: reason(run) for name, run in found.items()} == {
        "fails": ("False", "StepFailed"),
        "step-late": ("False", "StepFailed"),
        "late": ("False", "TaskRunTimeout"),
        "cancelled": ("False", "TaskRunCancelled"),
        "retried": ("True", "Succeeded"),
        "imageless": ("False", "TaskRunImagePullFailed"),
        "mistyped": ("False", "TaskRunValidationFailed"),
    }
    assert condition(found["fails"])["message"] == '"step-a" exited with code 3: Error'
    assert [s["terminationReason"] for s in found["fails"]["status"]["steps"]] == [
        "Error",
        "Skipped",
    ]
    assert tekton.logs("fails", "a") == "before\n"
    assert found["step-late"]["status"]["steps"][0]["terminationReason"] == "TimeoutExceeded"
    assert len(found["retried"]["status"]["retriesStatus"]) == 2
    assert found["retried"]["status"]["podName"] == "retried-pod-retry2"
    assert 'failed to finish within "2s"' in condition(found["late"])["message"]


def test_pipeline(tekton: Tekton) -> None:
    """Results between tasks, a matrix, a condition, a claim that tasks share, final tasks."""
    pipeline = {
        "apiVersion": "tekton.dev/v1",
        "kind": "Pipeline",
        "metadata": {"name": "whole"},
        "spec": {
            "params": [{"name": "env", "default": "dev"}],
            "workspaces": [{"name": "shared"}],
            "results": [
                {"name": "sum", "value": "$(tasks.add.results.sum)"},
                {"name": "all", "value": "$(tasks.fan.results.word[*])"},
                {"name": "told", "value": "$(finally.tell.results.status)"},
            ],
            "tasks": [
                inline(
                    "add",
                    "printf $((2+3)) > $(results.sum.path); touch $(workspaces.shared.path)/mark",
                    produces=("sum",),
                    workspaces=[{"name": "shared"}],
                ),
                {
                    "name": "fan",
                    "matrix": {
                        "params": [
                            {"name": "os", "value": ["linux", "mac"]},
                            {"name": "n", "value": ["1", "$(tasks.add.results.sum)"]},
                        ]
                    },
                    "taskSpec": {
                        "params": [{"name": "os"}, {"name": "n"}],
                        "results": [{"name": "word"}],
                        "steps": [sh("w", "printf $(params.os)$(params.n) > $(results.word.path)")],
                    },
                },
                inline(
                    "look",
                    "ls $(workspaces.shared.path)/mark",
                    runAfter=["fan"],
                    workspaces=[{"name": "shared"}],
                ),
                inline(
                    "production-only",
                    "exit 1",
                    when=[{"input": "$(params.env)", "operator": "in", "values": ["prod"]}],
                ),
            ],
            "finally": [
                inline(
                    "tell",
                    "printf $(tasks.status)-$(tasks.look.status) > $(results.status.path)",
                    produces=("status",),
                )
            ],
        },
    }
    claim = {
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    }
    tekton.create(
        pipeline,
        a_pipeline_run(
            "whole-1",
            pipelineRef={"name": "whole"},
            workspaces=[{"name": "shared", "volumeClaimTemplate": claim}],
        ),
    )

    done = tekton.ended("pipelinerun", "whole-1")

    assert reason(done) == ("True", "Completed"), condition(done)
    assert results(done) == {
        "sum": "5",
        "all": ["linux1", "mac1", "linux5", "mac5"],
        "told": "Completed-Succeeded",
    }
    assert [s["reason"] for s in done["status"]["skippedTasks"]] == [
        "When Expressions evaluated to false"
    ]
    names = [c["name"] for c in done["status"]["childReferences"]]
    assert names == [
        "whole-1-add",
        *(f"whole-1-fan-{i}" for i in range(4)),
        "whole-1-look",
        "whole-1-tell",
    ]
    message = condition(done)["message"]
    assert message == "Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 1"
    child = tekton.get("taskrun", "whole-1-tell")["metadata"]
    assert child["labels"]["tekton.dev/memberOf"] == "finally"
    assert child["ownerReferences"][0]["name"] == "whole-1"
    tekton.kubectl("delete", "pipelinerun", "whole-1")
    until(
        lambda: (
            not tekton.kubectl(
                "get", "pvc,taskrun,pod", "-l", "tekton.dev/pipelineRun=whole-1", "-o", "name"
            ).out
        )
    )


def test_pipelines_that_end_badly(tekton: Tekton) -> None:
    """A failure runs final tasks; so does a graceful stop; plain cancellation does not."""
    slow = inline("slow", "sleep 60")
    final = [inline("clean", "echo cleaned")]
    after = inline("after", "echo never", runAfter=["slow"])
    fails = [inline("bad", "exit 1"), inline("next", "echo never", runAfter=["bad"])]
    tekton.create(
        a_pipeline_run("bad", pipelineSpec={"tasks": fails, "finally": final}),
        a_pipeline_run("cancel", pipelineSpec={"tasks": [slow, after], "finally": final}),
        a_pipeline_run("grace", pipelineSpec={"tasks": [slow, after], "finally": final}),
        a_pipeline_run("late", pipelineSpec={"tasks": [slow]}, timeouts={"pipeline": "2s"}),
        a_pipeline_run("nothing", pipelineRef={"name": "nowhere"}),
    )
    for name, status in (("cancel", "Cancelled"), ("grace", "CancelledRunFinally")):
        until(
            lambda name=name: (
                tekton.get("pipelinerun", name).get("status", {}).get("childReferences")
            )
        )
        patch = json.dumps({"spec": {"status": status}})
        tekton.kubectl("patch", "pipelinerun", name, "--type", "merge", "-p", patch)

    found = {
        name: tekton.ended("pipelinerun", name)
        for name in ("bad", "cancel", "grace", "late", "nothing")
    }

    assert {name: reason(run) for name, run in found.items()} == {
        "bad": ("False", "Failed"),
        "cancel": ("False", "Cancelled"),
        "grace": ("False", "Cancelled"),
        "late": ("False", "PipelineRunTimeout"),
        "nothing": ("False", "CouldntGetPipeline"),
    }

    def ran(name: str) -> list[str]:
        return [c["pipelineTaskName"] for c in found[name]["status"].get("childReferences", [])]

    assert ran("bad") == ["bad", "clean"]
    assert ran("cancel") == ["slow"]
    assert ran("grace") == ["slow", "clean"]
    child = tekton.ended("taskrun", "cancel-slow")
    assert reason(child) == ("False", "TaskRunCancelled")


def test_steps_of_2019(tekton: Tekton) -> None:
    """A Task in the book's version, with its variables, and TaskRun with inputs."""
    version = "tekton.dev/v1alpha1"
    tekton.create(
        {
            "apiVersion": version,
            "kind": "Task",
            "metadata": {"name": "old"},
            "spec": {
                "inputs": {"params": [{"name": "who", "default": "nobody"}]},
                "steps": [
                    {
                        "name": "say",
                        "image": SHELL,
                        "command": ["echo"],
                        "args": ["hello ${inputs.params.who} and $(inputs.params.who)"],
                    }
                ],
            },
        },
        {
            "apiVersion": version,
            "kind": "TaskRun",
            "metadata": {"name": "old-1"},
            "spec": {
                "taskRef": {"name": "old"},
                "inputs": {"params": [{"name": "who", "value": "you"}]},
            },
        },
    )

    assert reason(tekton.ended("taskrun", "old-1")) == ("True", "Succeeded")
    assert tekton.logs("old-1", "say") == "hello you and you\n"


def test_kill_9_in_mid_run(tekton: Tekton, tmp_path: Path) -> None:
    """The run goes on where it was: nothing is done twice, and nothing is left out."""
    platform = tekton.platform
    marks = tmp_path / "marks"
    marks.mkdir()
    marks.chmod(0o777)
    volume = [{"name": "marks", "hostPath": {"path": str(marks)}}]
    mounts = [{"name": "marks", "mountPath": "/marks"}]

    def step(name: str, script: str) -> dict[str, Any]:
        return sh(name, script, volumeMounts=mounts)

    def task(name: str, *steps: dict[str, Any], **more: Any) -> dict[str, Any]:
        spec = {"steps": list(steps), "volumes": volume, "results": [{"name": "r"}]}
        return {"name": name, "taskSpec": spec, **more}

    tekton.create(
        a_pipeline_run(
            "survivor",
            pipelineSpec={
                "tasks": [
                    task(
                        "first",
                        step("one", "echo one >> /marks/log; printf 1 > $(results.r.path)"),
                        step("two", "until [ -e /marks/go ]; do sleep 0.1; done"),
                        step("three", "echo three >> /marks/log"),
                    ),
                    task(
                        "second",
                        step("four", "echo four $(tasks.first.results.r) >> /marks/log"),
                    ),
                ]
            },
        )
    )
    log = marks / "log"
    until(lambda: log.exists() and _runs(tekton, "survivor-first-pod", "step-two"))

    victim = _control_plane(platform)
    os.kill(victim, signal.SIGKILL)
    (marks / "go").touch()
    until(lambda: _control_plane(platform) not in (0, victim))

    done = until(lambda: _ended_after_restart(tekton), what="the run")
    assert reason(done) == ("True", "Succeeded"), condition(done)
    assert log.read_text() == "one\nthree\nfour 1\n"


def _runs(tekton: Tekton, pod: str, container: str) -> bool:
    statuses = tekton.get("pod", pod)["status"].get("containerStatuses", [])
    ended = {s["name"] for s in statuses if "terminated" in s["state"]}
    return "step-one" in ended and container not in ended


def _control_plane(platform: Platform) -> int:
    answer = platform.wakeful("status", "-o", "json", check=False)
    try:
        status = json.loads(answer.out)
    except ValueError:
        return 0
    pids = {c["name"]: c["pid"] or 0 for c in status["components"]}
    return int(pids.get("control-plane", 0)) if status["ready"] else 0


def _ended_after_restart(tekton: Tekton) -> Any:
    found = tekton.kubectl("get", "pipelinerun", "survivor", "-o", "json", check=False)
    if found.code != 0:
        return None
    run = json.loads(found.out)
    return run if condition(run)["status"] != "Unknown" else None
