"""The requests that tkn makes, in its order: start, follow logs, list, describe, cancel, delete."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from wakeful.client import RestTransport, load_kubeconfig
from wakeful.testing.platform import Platform

NAMESPACE = "tkn"
TEKTON = f"/apis/tekton.dev/v1/namespaces/{NAMESPACE}"
CORE = f"/api/v1/namespaces/{NAMESPACE}"

PIPELINE = {
    "apiVersion": "tekton.dev/v1beta1",
    "kind": "Pipeline",
    "metadata": {"name": "two"},
    "spec": {
        "params": [{"name": "who"}],
        "tasks": [
            {
                "name": "talk",
                "taskSpec": {
                    "steps": [
                        {"name": "first", "image": "bash", "script": "sleep 1; echo one"},
                        {"name": "second", "image": "bash", "script": "echo to $(params.who)"},
                    ]
                },
            }
        ],
    },
}


class Tkn:
    """What the program does with the API, without what it prints."""

    def __init__(self, transport: RestTransport) -> None:
        self.transport = transport

    async def get(self, path: str, **params: str) -> Any:
        return await self.transport.raw("GET", path, params=params)

    async def send(self, method: str, path: str, body: Any, kind: str = "json") -> Any:
        headers = {"Content-Type": f"application/{kind}"}
        return await self.transport.raw(method, path, json=body, headers=headers)

    async def watch(self, path: str, name: str) -> AsyncIterator[Any]:
        """Objects as a watch of one name shows them, from what is there on."""
        params = {"fieldSelector": f"metadata.name={name}", "watch": "true"}
        url = self.transport.url(path)
        async with self.transport.session.get(url, params=params) as response:
            assert response.status == 200
            async for line in response.content:
                event = json.loads(line)
                if event["type"] != "BOOKMARK":
                    yield event["object"]

    async def follow(self, pod: str, container: str) -> str:
        url = self.transport.url(f"{CORE}/pods/{pod}/log")
        params = {"container": container, "follow": "true"}
        async with self.transport.session.get(url, params=params) as response:
            text = await response.text()
            assert response.status == 200, text
            return text


@pytest.fixture
async def tkn(platform: Platform) -> AsyncIterator[Tkn]:
    platform.kubectl("create", "namespace", NAMESPACE)
    async with RestTransport(load_kubeconfig(platform.data_dir / "kubeconfig")) as transport:
        yield Tkn(transport)
    platform.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def condition(run: Any) -> Any:
    return (run.get("status", {}).get("conditions") or [{"status": "Unknown"}])[0]


async def test_tkn_finds_what_it_asks_for(tkn: Tkn) -> None:
    """Each request and each member of an answer is one that its source reads."""
    group = await tkn.get("/apis/tekton.dev")
    assert group["preferredVersion"]["version"] == "v1"
    served = {r["name"] for r in (await tkn.get("/apis/tekton.dev/v1"))["resources"]}
    assert {"tasks", "taskruns", "pipelines", "pipelineruns"} <= served
    for name in ("pipelines-info", "triggers-info"):  # tkn version
        info = await tkn.get(f"/api/v1/namespaces/tekton-pipelines/configmaps/{name}")
        assert info["data"]["version"].startswith("v")

    old = TEKTON.replace("/v1/", "/v1beta1/")
    await tkn.send("POST", f"{old}/pipelines", PIPELINE)
    pipeline = await tkn.get(f"{TEKTON}/pipelines/two")  # tkn pipeline start two -p who=me
    assert pipeline["spec"]["tasks"][0]["name"] == "talk"
    body = {
        "apiVersion": "tekton.dev/v1",
        "kind": "PipelineRun",
        "metadata": {"generateName": "two-run-", "namespace": NAMESPACE},
        "spec": {
            "pipelineRef": {"name": "two"},
            "params": [{"name": "who", "value": "me"}],
            "taskRunTemplate": {},
        },
        "status": {},
    }
    made = await tkn.send("POST", f"{TEKTON}/pipelineruns", body)
    name = made["metadata"]["name"]

    async with asyncio.timeout(120):
        task_run = await _first_child(tkn, name)  # tkn pipelinerun logs -f
        pod = await _pod_of(tkn, task_run)
        seen = await tkn.get(f"{CORE}/pods/{pod}")
        containers = [container["name"] for container in seen["spec"]["containers"]]
        assert containers == ["step-first", "step-second"]
        assert seen["status"]["phase"] in ("Running", "Succeeded")
        both = await asyncio.gather(*(tkn.follow(pod, container) for container in containers))
        assert both == ["one\n", "to me\n"]  # the second was asked for before it had begun
        async for run in tkn.watch(f"{TEKTON}/pipelineruns", name):
            if condition(run)["status"] != "Unknown":
                break
    assert condition(run)["status"] == "True"
    for status in (await tkn.get(f"{CORE}/pods/{pod}"))["status"]["containerStatuses"]:
        assert status["state"]["terminated"]["exitCode"] == 0

    listed = await tkn.get(f"{TEKTON}/pipelineruns", labelSelector="tekton.dev/pipeline=two")
    assert [item["metadata"]["name"] for item in listed["items"]] == [name]  # tkn pr list two
    assert {"startTime", "completionTime", "childReferences", "pipelineSpec"} <= set(run["status"])
    child = await tkn.get(f"{TEKTON}/taskruns/{task_run}")  # tkn pr describe, tkn tr describe
    assert child["metadata"]["labels"]["tekton.dev/pipelineTask"] == "talk"
    assert [step["name"] for step in child["status"]["steps"]] == ["first", "second"]
    assert all(step["terminated"]["reason"] == "Completed" for step in child["status"]["steps"])

    slow = {**body, "spec": {"pipelineSpec": {"tasks": [_sleeper()]}}}
    second = (await tkn.send("POST", f"{TEKTON}/pipelineruns", slow))["metadata"]["name"]
    await _first_child(tkn, second)
    patch = [{"op": "replace", "path": "/spec/status", "value": "Cancelled"}]  # tkn pr cancel
    await tkn.send("PATCH", f"{TEKTON}/pipelineruns/{second}", patch, "json-patch+json")
    async with asyncio.timeout(90):
        async for cancelled in tkn.watch(f"{TEKTON}/pipelineruns", second):
            if condition(cancelled)["status"] != "Unknown":
                break
    assert condition(cancelled)["reason"] == "Cancelled"

    for gone in (name, second):  # tkn pr delete
        await tkn.get(f"{TEKTON}/pipelineruns/{gone}")
        await tkn.send("DELETE", f"{TEKTON}/pipelineruns/{gone}", {})
    assert (await tkn.get(f"{TEKTON}/pipelineruns"))["items"] == []


def _sleeper() -> dict[str, Any]:
    step = {"name": "s", "image": "bash", "script": "sleep 60"}
    return {"name": "sleep", "taskSpec": {"steps": [step]}}


async def _first_child(tkn: Tkn, name: str) -> str:
    async for run in tkn.watch(f"{TEKTON}/pipelineruns", name):
        for reference in run.get("status", {}).get("childReferences") or ():
            assert reference["kind"] == "TaskRun"
            return str(reference["name"])
    raise AssertionError("the watch ended")


async def _pod_of(tkn: Tkn, name: str) -> str:
    async for run in tkn.watch(f"{TEKTON}/taskruns", name):
        if pod := run.get("status", {}).get("podName"):
            async for seen in tkn.watch(f"{CORE}/pods", pod):
                if seen["status"].get("phase") in ("Running", "Succeeded", "Failed"):
                    return str(pod)
    raise AssertionError("the watch ended")
