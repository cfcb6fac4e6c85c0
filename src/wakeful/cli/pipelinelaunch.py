"""Starts a run: applies what it needs, fills in what is missing, and creates it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from wakeful.apimachinery.request import PatchType, Verb
from wakeful.cli.files import read_manifests
from wakeful.cli.pipelinestart import (
    StartError,
    copy_tree,
    fill_params,
    fill_resources,
    fill_workspaces,
    new_name,
    parse_params,
)
from wakeful.cli.session import Session
from wakeful.config import DataDir

_PIPELINES, _GROUP = "pipelines.tekton.dev", "tekton.dev/"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the command line asks for."""

    name: str
    files: list[str]
    params: list[str]
    workspaces: list[str]
    resources: list[str]
    source: Path | None
    service_account: str


async def launch(session: Session, namespace: str, wish: Wish, data_dir: Path) -> str:
    """Create the run that ``wish`` asks for, and return its name."""
    body, claim = await _make_run(session, namespace, wish, data_dir)
    runs = await session.resolve_object(body)
    if claim:
        await _create_claim(session, namespace, claim)
    made = await session.transport.call(session.request(Verb.CREATE, runs, namespace, body=body))
    if claim:
        await _give_claim(session, namespace, claim, made)
    return str(made["metadata"]["name"])


async def _make_run(
    session: Session, namespace: str, wish: Wish, data_dir: Path
) -> tuple[dict[str, Any], str]:
    """The run to create, and the claim that holds the working tree ("" without one)."""
    body: dict[str, Any] = {}
    name = wish.name
    for data in read_manifests(wish.files):
        found = await session.resolve_object(data)
        if found.kind == "PipelineRun" and found.group == "tekton.dev":
            body = data
            continue
        await session.apply(found, data.get("metadata", {}).get("namespace") or namespace, data)
        if found.kind == "Pipeline" and found.group == "tekton.dev" and not wish.name:
            name = data["metadata"]["name"]
    spec = await _pipeline_spec(session, namespace, name, body)
    if not body:
        body = {
            "apiVersion": spec["apiVersion"],
            "kind": "PipelineRun",
            "metadata": {"generateName": f"{name}-run-"},
            "spec": {"pipelineRef": {"name": name}},
        }
    return body, _fill(body, spec["spec"], wish, data_dir, namespace)


async def _pipeline_spec(
    session: Session, namespace: str, name: str, body: Mapping[str, Any]
) -> dict[str, Any]:
    """The pipeline to run, in the version in which its run is to be written."""
    version = str(body.get("apiVersion") or "")
    own = body.get("spec") or {}
    if "pipelineSpec" in own:
        return {"apiVersion": version, "spec": own["pipelineSpec"]}
    name = (own.get("pipelineRef") or {}).get("name") or name
    if not name:
        raise StartError("there is no pipeline in the files; name one")
    resource = await session.resolve(_PIPELINES)
    found = await session.read(resource, namespace, name)
    if version == found["apiVersion"]:
        return found
    # Resources of 2019 show in the versions of 2019 only.
    path = f"/apis/{version or _GROUP + 'v1alpha1'}/namespaces/{namespace}/pipelines/{name}"
    older = await session.transport.raw("GET", path)
    return older if version or older["spec"].get("resources") else found


def _fill(
    body: dict[str, Any],
    pipeline: Mapping[str, Any],
    wish: Wish,
    data_dir: Path,
    namespace: str,
) -> str:
    """Put into ``body`` what is missing; return the claim of the working tree."""
    spec: dict[str, Any] = body.setdefault("spec", {})
    given = {str(p["name"]): p["value"] for p in spec.get("params") or ()}
    ask = _ask if sys.stdin.isatty() else None
    declared = pipeline.get("params") or ()
    texts = parse_params(wish.params)
    filled = fill_params(
        [p for p in declared if p["name"] in texts or p["name"] not in given], texts, ask
    )
    names = {param["name"] for param in filled}
    kept = [p for p in spec.get("params") or () if p["name"] not in names]
    if kept or filled:
        spec["params"] = [*kept, *filled]
    resources = pipeline.get("resources") or ()
    claim = repository = ""
    if wish.source is not None:
        claim = new_name("source")
        target = DataDir(data_dir).root / "claims" / namespace / claim
        copy_tree(wish.source.resolve(), target, as_repository=bool(resources))
        repository = f"file://{target}"
    bound = {binding["name"] for binding in spec.get("workspaces") or ()}
    free = [w for w in pipeline.get("workspaces") or () if w["name"] not in bound]
    workspaces, used = fill_workspaces(free, wish.workspaces, claim)
    if claim and not used and not any(r.get("type") == "git" for r in resources):
        raise StartError("the pipeline has no free workspace that the source could be put into")
    if workspaces:
        spec["workspaces"] = [*(spec.get("workspaces") or ()), *workspaces]
    if resources:
        given_refs = parse_params(wish.resources).items()
        refs = [{"name": n, "resourceRef": {"name": v}} for n, v in given_refs]
        known = [*(spec.get("resources") or ()), *refs]
        spec["resources"] = fill_resources(resources, known, repository)
    if wish.service_account:
        if body["apiVersion"] == f"{_GROUP}v1":
            template = spec.setdefault("taskRunTemplate", {})
            template["serviceAccountName"] = wish.service_account
        else:
            spec["serviceAccountName"] = wish.service_account
    return claim


def _ask(name: str, description: str) -> str:
    return str(typer.prompt(f"{name}{f' ({description})' if description else ''}"))


async def _create_claim(session: Session, namespace: str, claim: str) -> None:
    """The claim whose directory holds the copy of the working tree."""
    body = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": claim},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    claims = await session.resolve("persistentvolumeclaims")
    await session.transport.call(session.request(Verb.CREATE, claims, namespace, body=body))


async def _give_claim(session: Session, namespace: str, claim: str, run: Mapping[str, Any]) -> None:
    """Let the claim go when the run goes."""
    meta = run["metadata"]
    owner = {
        "apiVersion": run["apiVersion"],
        "kind": "PipelineRun",
        "name": meta["name"],
        "uid": meta["uid"],
    }
    claims = await session.resolve("persistentvolumeclaims")
    patch = {"metadata": {"ownerReferences": [owner]}}
    await session.transport.call(
        session.request(
            Verb.PATCH, claims, namespace, claim, body=patch, patch_type=PatchType.MERGE
        )
    )
