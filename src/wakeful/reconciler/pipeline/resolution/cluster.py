"""The resolver ``cluster``: tasks and pipelines of other namespaces."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import orjson

from wakeful.apimachinery.meta import Object
from wakeful.apis.pipeline import ClusterTask, Pipeline, StepAction, Task
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.client import Client
from wakeful.pipelines.trust import checksum
from wakeful.reconciler.pipeline.resolution.model import Question, ResolutionError, Resolved

CONFIG = "cluster-resolver-config"
_KINDS: Mapping[str, type[Object]] = {
    "task": Task,
    "pipeline": Pipeline,
    "stepaction": StepAction,
    "clustertask": ClusterTask,
}


class ClusterResolver:
    """Reads what the config map ``cluster-resolver-config`` does not forbid."""

    name = "cluster"

    def __init__(self, client: Client, config: Callable[[], Mapping[str, str]]) -> None:
        self._client, self._config = client, config

    async def resolve(self, question: Question) -> Resolved:
        """Return the object as it is now."""
        config = self._config()
        kind = (question.text("kind") or config.get("default-kind") or "task").lower()
        name = question.required("name")
        namespace = question.text("namespace") or config.get("default-namespace") or ""
        namespace = namespace or question.namespace
        model = _KINDS.get(kind)
        if model is None:
            raise ResolutionError(f"unknown or unsupported resource kind '{kind}'")
        _check_allowed(namespace, config)
        found = await self._client.find(model, name, namespace)
        if found is None:
            gvk = model.gvk
            raise ResolutionError(f'{kind}s.{gvk.group} "{name}" not found')
        wire = found.to_wire()
        meta = {"name": name, "namespace": namespace}
        for key in ("labels", "annotations"):
            if kept := wire["metadata"].get(key):
                meta[key] = kept
        wire = {
            "apiVersion": found.gvk.api_version,
            "kind": found.gvk.kind,
            "metadata": meta,
            "spec": wire.get("spec", {}),
        }
        uid = found.metadata.uid
        uri = f"/apis/{found.gvk.api_version}/namespaces/{namespace}/{kind}/{name}@{uid}"
        digest = checksum(found).hex()
        return Resolved(orjson.dumps(wire), RefSource(uri=uri, digest={"sha256": digest}))


def _check_allowed(namespace: str, config: Mapping[str, str]) -> None:
    allowed = [n.strip() for n in config.get("allowed-namespaces", "").split(",") if n.strip()]
    blocked = [n.strip() for n in config.get("blocked-namespaces", "").split(",") if n.strip()]
    if namespace in allowed:
        return
    if namespace in blocked or "*" in blocked:
        raise ResolutionError(f"access to specified namespace {namespace} is blocked")
    if allowed:
        raise ResolutionError(
            f"access to specified namespace {namespace} is not in the list of allowed namespaces"
        )
