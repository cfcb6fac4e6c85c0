from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from wakeful.apimachinery.errors import APIStatusError
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, PatchType, UserInfo, Verb
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.storage import MemoryStore

ADMIN = UserInfo("admin", (SYSTEM_MASTERS,))
SCHEME = make_scheme()
Wire = dict[str, Any]


class Server:
    """The API server over memory, with whatever feature flags a test sets."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._core = APIServer(MemoryStore(), SCHEME)
        for name in ("default", "tekton-pipelines"):
            self.ask(
                Verb.CREATE, "v1", "namespaces", {"metadata": {"name": name}}, kind="Namespace"
            )

    def close(self) -> None:
        self._loop.close()

    def configure(self, name: str, **data: str) -> None:
        """Set keys of a config map; underscores stand for dashes."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "tekton-pipelines"},
            "data": {key.replace("_", "-"): value for key, value in data.items()},
        }
        request = APIRequest(Verb.CREATE, "", "v1", "configmaps", "tekton-pipelines", body=body)
        self._run(request)

    def create(self, text: str) -> Wire:
        """Create an object written in YAML, as ``kubectl create`` does."""
        body = yaml.safe_load(text)
        body.setdefault("metadata", {"name": "x"})
        group, _, version = body["apiVersion"].rpartition("/")
        resource = SCHEME.by_kind(group, body["kind"])
        assert resource is not None
        namespace = "default" if resource.namespaced else ""
        request = APIRequest(Verb.CREATE, group, version, resource.plural, namespace, body=body)
        return self._run(request)

    def refuse(self, text: str) -> str:
        """Create an object that is refused, and return what the user reads."""
        with pytest.raises(APIStatusError) as caught:
            self.create(text)
        assert caught.value.code == 400
        return caught.value.message

    def get(self, version: str, plural: str, name: str = "x", namespace: str = "default") -> Wire:
        """Read an object in some version."""
        return self._run(APIRequest(Verb.GET, "tekton.dev", version, plural, namespace, name))

    def patch(self, version: str, plural: str, patch: Any, *, subresource: str = "") -> Wire:
        """Patch the object ``x``."""
        kind = PatchType.JSON if isinstance(patch, list) else PatchType.MERGE
        return self._run(
            APIRequest(
                Verb.PATCH,
                "tekton.dev",
                version,
                plural,
                "default",
                "x",
                subresource=subresource,
                body=patch,
                patch_type=kind,
            )
        )

    def ask(self, verb: Verb, version: str, plural: str, body: Wire, *, kind: str) -> Wire:
        return self._run(
            APIRequest(verb, "", version, plural, body={"apiVersion": version, "kind": kind} | body)
        )

    def _run(self, request: APIRequest) -> Wire:
        response = self._loop.run_until_complete(self._core.handle(request, ADMIN, manager="test"))
        found: Wire = response.object
        return found


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="module")
def refuse() -> Iterator[Callable[[str], str]]:
    """One server for many refusals."""
    made = Server()
    made.configure("feature-flags", enable_param_enum="true", enable_cel_in_whenexpression="true")
    yield made.refuse
    made.close()
