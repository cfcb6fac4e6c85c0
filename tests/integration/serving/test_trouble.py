"""What a Revision says when its pods do not come up."""

from __future__ import annotations

from typing import Any

from wakeful.apis.apps import Deployment
from wakeful.apis.apps.replicaset_types import WorkloadCondition
from wakeful.apis.autoscaling import PodAutoscaler
from wakeful.apis.core import Pod
from wakeful.apis.serving import Revision
from wakeful.testing.world import World


async def a_broken_revision(world: World, surroundings: Any, a_service: Any) -> Revision:
    surroundings.broken.add("crash")
    await world.given(a_service(image="crash"))
    await world.eventually(lambda: world.find(PodAutoscaler, "hello-00001"))
    found = await world.find(Revision, "hello-00001")
    assert found is not None
    return found


def a_pod(revision: Revision, status: dict[str, Any]) -> Pod:
    return Pod.from_wire(
        {
            "metadata": {
                "name": "hello-pod",
                "namespace": "default",
                "labels": {
                    "serving.knative.dev/revision": revision.metadata.name,
                    "serving.knative.dev/revisionUID": revision.metadata.uid,
                },
            },
            "spec": {"containers": [{"name": "user-container", "image": "crash"}]},
            "status": {"phase": "Running"} | status,
        }
    )


async def told(world: World, condition: str) -> tuple[str, str, str] | None:
    revision = await world.find(Revision, "hello-00001")
    found = revision.status.condition(condition) if revision else None
    return (found.status, found.reason, found.message) if found else None


async def test_exit_code_and_last_words_are_reported(
    platform: World, surroundings: Any, a_service: Any
) -> None:
    revision = await a_broken_revision(platform, surroundings, a_service)
    ended = {"terminated": {"exitCode": 5, "message": "no database"}}
    await platform.given(
        a_pod(revision, {"containerStatuses": [{"name": "user-container", "lastState": ended}]})
    )

    async def exited() -> bool:
        return await told(platform, "Ready") == (
            "False",
            "ExitCode5",
            "Container failed with: no database",
        )

    await platform.eventually(exited)

    async def unreachable() -> bool:
        found = await platform.find(PodAutoscaler, "hello-00001")
        return found is not None and found.spec.reachability == "Unreachable"

    await platform.eventually(unreachable)


async def test_what_the_platform_took_down_itself_is_not_the_programs_fault(
    platform: World, surroundings: Any, a_service: Any
) -> None:
    """After a restart everything begins anew; only what ends by itself then has failed."""
    revision = await a_broken_revision(platform, surroundings, a_service)
    lost = {"terminated": {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "gone"}}
    waiting = {"waiting": {"reason": "CreateContainerConfigError", "message": "no secret"}}
    container = {"name": "user-container", "lastState": lost, "state": waiting}
    await platform.given(a_pod(revision, {"containerStatuses": [container]}))

    async def reported() -> bool:
        found = await told(platform, "ResourcesAvailable")
        return found == ("False", "CreateContainerConfigError", "no secret")

    await platform.eventually(reported)
    healthy = await told(platform, "ContainerHealthy")
    assert healthy is None or healthy[0] != "False"


async def test_pod_that_cannot_be_scheduled_is_reported(
    platform: World, surroundings: Any, a_service: Any
) -> None:
    revision = await a_broken_revision(platform, surroundings, a_service)
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/1 nodes are available: 1 Insufficient cpu.",
    }
    await platform.given(a_pod(revision, {"conditions": [scheduled]}))

    async def reported() -> bool:
        found = await told(platform, "ResourcesAvailable")
        return found is not None and found[:2] == ("False", "Unschedulable")

    await platform.eventually(reported)


async def test_image_that_cannot_be_pulled_is_reported_once_the_deadline_is_over(
    platform: World, surroundings: Any, a_service: Any
) -> None:
    revision = await a_broken_revision(platform, surroundings, a_service)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}
    await platform.given(
        a_pod(revision, {"containerStatuses": [{"name": "user-container", "state": waiting}]})
    )
    deployment = await platform.find(Deployment, "hello-00001-deployment")
    assert deployment is not None
    deployment.status.conditions = [
        WorkloadCondition(type="Progressing", status="False", reason="ProgressDeadlineExceeded")
    ]
    await platform.client.update_status(deployment)

    async def reported() -> bool:
        found = await told(platform, "ResourcesAvailable")
        return found == ("False", "ImagePullBackOff", "Back-off pulling image")

    await platform.eventually(reported)


async def test_quota_of_the_deployment_is_passed_on(
    platform: World, surroundings: Any, a_service: Any
) -> None:
    await a_broken_revision(platform, surroundings, a_service)
    deployment = await platform.find(Deployment, "hello-00001-deployment")
    assert deployment is not None
    deployment.status.conditions = [
        WorkloadCondition(
            type="ReplicaFailure", status="True", reason="FailedCreate", message="exceeded quota"
        )
    ]
    await platform.client.update_status(deployment)

    async def reported() -> bool:
        return await told(platform, "Ready") == ("False", "FailedCreate", "exceeded quota")

    await platform.eventually(reported)
