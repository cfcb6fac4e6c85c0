"""The Pod of a TaskRun: what Tekton's own would be."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.apis.core.pod_types import Container, Pod
from wakeful.apis.pipeline import TaskRun
from wakeful.apis.pipeline.config import DefaultsConfig, FeatureFlags
from wakeful.node.steps.plan import plan_steps
from wakeful.pipelines.entrypoint import StepArguments
from wakeful.reconciler.pipeline.taskrun.plan import PodPlan, SecretUse, pod_name
from wakeful.reconciler.pipeline.taskrun.resources import make_pod
from wakeful.reconciler.pipeline.taskrun.workspaces import make_volumes, with_workspaces


def a_run(task: dict[str, Any], **spec: Any) -> TaskRun:
    return TaskRun.from_wire(
        {
            "metadata": {"name": "run", "namespace": "ns", "uid": "u", "labels": {"a": "b"}},
            "spec": {"taskSpec": task, **spec},
        }
    )


def pod_of(task: dict[str, Any], *, flags: FeatureFlags | None = None, **spec: Any) -> Pod:
    run = a_run(task, **spec)
    assert run.spec.task_spec is not None
    bindings = run.spec.workspaces
    mounted = with_workspaces(run.spec.task_spec, bindings, make_volumes(bindings))
    return make_pod(PodPlan(run, mounted, flags=flags or FeatureFlags()))


def arguments(container: Container) -> StepArguments:
    assert container.command == ["/tekton/bin/entrypoint"]
    return StepArguments.parse(container.args)


def mounts(container: Container) -> dict[str, str]:
    return {m.mount_path: m.name for m in container.volume_mounts}


def test_steps_wait_for_each_other() -> None:
    pod = pod_of(
        {
            "results": [{"name": "r"}, {"name": "lifted", "value": "$(steps.a.results.x)"}],
            "steps": [
                {"name": "a", "image": "i", "command": ["c", "d"], "args": ["e"], "timeout": "2s"},
                {"image": "i", "script": "echo $(HOME)", "onError": "continue", "args": ["f"]},
            ],
        }
    )
    first, second = pod.spec.containers
    assert [first.name, second.name] == ["step-a", "step-unnamed-1"]
    told = arguments(first)
    assert (told.wait_file, told.post_file) == ("", "/tekton/run/0/out")
    assert (told.entrypoint, told.words) == ("c", ("d", "e"))
    assert told.results == ("r",)
    assert told.timeout is not None
    told = arguments(second)
    assert told.wait_file == "/tekton/run/0/out"
    assert told.continues_on_error
    assert told.entrypoint.startswith("/tekton/scripts/script-1-")
    assert told.words == ("f",)
    assert [c.name for c in pod.spec.init_containers] == ["prepare", "place-scripts"]
    assert pod.spec.restart_policy == "Never"
    assert pod.metadata.annotations["tekton.dev/ready"] == "READY"
    assert pod.metadata.labels == {
        "a": "b",
        "tekton.dev/taskRun": "run",
        "tekton.dev/taskRunUID": "u",
        "app.kubernetes.io/managed-by": "tekton-pipelines",
    }


def test_the_agent_reads_what_was_written() -> None:
    task = {
        "steps": [
            {"name": "a", "image": "i", "script": "x", "workingDir": "deep/down"},
            {"name": "b", "image": "i"},
        ],
        "sidecars": [{"name": "s", "image": "i", "script": "y"}],
    }
    plan = plan_steps(pod_of(task))
    assert plan is not None
    assert [s.name for s in plan.steps] == ["step-a", "step-b"]
    assert plan.sidecars == {"sidecar-s"}
    assert plan.setups == {"prepare", "place-scripts", "working-dir-initializer"}
    assert [s.text for s in plan.scripts] == ["#!/bin/sh\nset -e\nx", "#!/bin/sh\nset -e\ny"]
    assert plan.directories == ("/workspace/deep/down",)
    assert plan.steps[0].waits_for_ready
    assert plan.steps[1].waits_for == 0


def test_same_run_gives_same_pod() -> None:
    task = {"steps": [{"image": "i", "script": "x"}]}
    assert pod_of(task) == pod_of(task)


def test_each_attempt_has_a_pod() -> None:
    run = a_run({"steps": [{"image": "i"}]})
    assert pod_name(run) == "run-pod"
    run.status.retries_status.append(run.status.deep_copy())
    assert pod_name(run) == "run-pod-retry1"


def test_template_and_overrides_are_merged() -> None:
    pod = pod_of(
        {
            "stepTemplate": {
                "image": "base",
                "env": [{"name": "A", "value": "t"}, {"name": "B", "value": "t"}],
            },
            "steps": [{"name": "s", "env": [{"name": "B", "value": "s"}]}],
        },
        stepSpecs=[{"name": "s", "computeResources": {"limits": {"cpu": "1"}}}],
        podTemplate={"env": [{"name": "C", "value": "p"}], "nodeSelector": {"disk": "fast"}},
    )
    step = pod.spec.containers[0]
    assert step.image == "base"
    assert [(e.name, e.value) for e in step.env] == [("A", "t"), ("B", "s"), ("C", "p")]
    assert step.resources.limits == {"cpu": "1"}
    assert pod.spec.node_selector == {"disk": "fast"}


@pytest.mark.parametrize(("timeout", "deadline"), [(None, 5400), ("10s", 15), ("0s", 2**31 - 1)])
def test_deadline_is_a_net_below_the_timeout(timeout: str | None, deadline: int) -> None:
    spec = {"timeout": timeout} if timeout else {}
    assert pod_of({"steps": [{"image": "i"}]}, **spec).spec.active_deadline_seconds == deadline


def test_workspaces_are_mounted_where_they_belong() -> None:
    """Everywhere, unless somebody asks for one: then only there."""
    pod = pod_of(
        {
            "workspaces": [
                {"name": "all", "mountPath": "/all", "readOnly": True},
                {"name": "one"},
            ],
            "steps": [
                {"name": "a", "image": "i", "workspaces": [{"name": "one", "mountPath": "/m"}]},
                {"name": "b", "image": "i"},
            ],
        },
        workspaces=[
            {"name": "all", "persistentVolumeClaim": {"claimName": "c"}, "subPath": "x"},
            {"name": "one", "persistentVolumeClaim": {"claimName": "c"}},
        ],
    )
    a, b = pod.spec.containers
    assert mounts(a)["/all"] == mounts(a)["/m"], "a claim that is bound twice is one volume"
    assert "/all" in mounts(b)
    assert "/m" not in mounts(b)
    shared = next(m for m in b.volume_mounts if m.mount_path == "/all")
    assert (shared.read_only, shared.sub_path) == (True, "x")


def test_own_mounts_take_the_place_of_ours() -> None:
    step = {"image": "i", "volumeMounts": [{"name": "v", "mountPath": "/workspace/"}]}
    pod = pod_of({"steps": [step], "volumes": [{"name": "v", "emptyDir": {}}]})
    found = mounts(pod.spec.containers[0])
    assert found["/workspace/"] == "v"
    assert "/workspace" not in found


def test_a_step_may_write_to_its_own_part_only() -> None:
    pod = pod_of({"steps": [{"image": "i"}, {"image": "i"}]})
    runs = [
        m for m in pod.spec.containers[1].volume_mounts if m.mount_path.startswith("/tekton/run")
    ]
    assert [(m.mount_path, m.sub_path, m.read_only) for m in runs] == [
        ("/tekton/run", "", True),
        ("/tekton/run/1", "1", False),
    ]


def test_secrets_and_settings_reach_every_step() -> None:
    run = a_run({"steps": [{"image": "i"}]})
    assert run.spec.task_spec is not None
    plan = PodPlan(
        run,
        run.spec.task_spec,
        defaults=DefaultsConfig(service_account="robot"),
        flags=FeatureFlags(results_from="sidecar-logs", compress_messages=True),
        secrets=[SecretUse("s", [("basic-git", "s=https://host")])],
        legacy_home=True,
    )
    pod = make_pod(plan)
    step = pod.spec.containers[0]
    told = arguments(step)
    assert told.credentials == (("basic-git", "s=https://host"),)
    assert (told.result_from, told.compress) == ("sidecar-logs", True)
    assert pod.spec.service_account_name == "robot"
    assert mounts(step)["/tekton/creds-secrets/s"] in {v.name for v in pod.spec.volumes}
    assert [(e.name, e.value) for e in step.env] == [("HOME", "/builder/home")]
    assert step.working_dir == "/workspace"


def test_hermetic_steps_are_told_so_whatever_they_say() -> None:
    """The variable comes last, so that no step can undo it; only with alpha features."""
    notes = {"experimental.tekton.dev/execution-mode": "hermetic"}
    step = {"name": "a", "image": "i", "env": [{"name": "TEKTON_HERMETIC", "value": "0"}]}
    run = a_run({"steps": [step]})
    run.metadata.annotations = notes
    assert run.spec.task_spec is not None
    for fields, value in (("alpha", "1"), ("beta", "0")):
        flags = FeatureFlags(api_fields=fields)
        pod = make_pod(PodPlan(run, run.spec.task_spec, flags=flags))
        variables = {e.name: e.value for e in pod.spec.containers[0].env}
        assert variables["TEKTON_HERMETIC"] == value
