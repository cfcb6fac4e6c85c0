from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from wakeful.aio import ManualClock
from wakeful.apimachinery.errors import (
    BadRequestError,
    InvalidError,
    NotFoundError,
    UnsupportedMediaTypeError,
)
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, PatchType, UserInfo, Verb
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.storage import MemoryStore

ADMIN = UserInfo("admin", (SYSTEM_MASTERS,))
SCHEMA = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["cron"],
            "properties": {
                "cron": {"type": "string", "pattern": "^[0-9*]+$"},
                "replicas": {"type": "integer", "minimum": 0, "default": 1},
            },
        },
        "status": {
            "type": "object",
            "properties": {"replicas": {"type": "integer"}, "labels": {"type": "string"}},
        },
    },
}


def a_definition(**spec: Any) -> dict[str, Any]:
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": SCHEMA},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
            },
        },
        "additionalPrinterColumns": [{"name": "Cron", "type": "string", "jsonPath": ".spec.cron"}],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "crontabs.stable.example.com"},
        "spec": {
            "group": "stable.example.com",
            "scope": "Namespaced",
            "names": {"plural": "crontabs", "kind": "CronTab", "shortNames": ["ct"]},
            "versions": [version],
        }
        | spec,
    }


def a_crontab(name: str = "tab", **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "stable.example.com/v1",
        "kind": "CronTab",
        "metadata": {"name": name},
        "spec": {"cron": "1*"} | spec,
    }


class Server:
    def __init__(self, store: MemoryStore | None = None) -> None:
        self.store = store or MemoryStore()
        self.core = APIServer(self.store, make_scheme(), clock=ManualClock())

    async def ask(self, verb: Verb, name: str = "", body: Any = None, **rest: Any) -> Any:
        sub = rest.pop("sub", "")
        patch_type = rest.pop("patch_type", None)
        version = rest.pop("version", "v1")
        request = APIRequest(
            verb,
            "stable.example.com",
            version,
            "crontabs",
            "default",
            name,
            sub,
            body,
            patch_type,
            rest,
        )
        return (await self.core.handle(request, ADMIN)).object

    async def define(self, verb: Verb, body: Any = None, name: str = "") -> Any:
        group, plural = "apiextensions.k8s.io", "customresourcedefinitions"
        request = APIRequest(verb, group, "v1", plural, name=name, body=body)
        return deepcopy((await self.core.handle(request, ADMIN)).object)


@pytest.fixture
async def server() -> Server:
    server = Server()
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    await server.core.handle(APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body), ADMIN)
    return server


async def test_kind_is_served_at_once(server: Server) -> None:
    """Established with the answer, and ready for objects."""
    generation = server.core.resources.generation
    with pytest.raises(NotFoundError):
        await server.ask(Verb.LIST)

    made = await server.define(Verb.CREATE, a_definition())

    conditions = {c["type"]: c["status"] for c in made["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert made["status"]["storedVersions"] == ["v1"]
    assert server.core.resources.generation > generation
    assert (await server.ask(Verb.LIST))["kind"] == "CronTabList"


async def test_objects_follow_the_schema(server: Server) -> None:
    """Defaults, pruning, validation."""
    await server.define(Verb.CREATE, a_definition())

    made = await server.ask(Verb.CREATE, body=a_crontab(unknown=1))

    assert made["spec"] == {"cron": "1*", "replicas": 1}
    assert made["metadata"]["generation"] == 1
    with pytest.raises(BadRequestError, match="unknown field"):
        await server.ask(Verb.CREATE, body=a_crontab("b", unknown=1), fieldValidation="Strict")
    for spec in ({"cron": "x"}, {"cron": 1}, {"replicas": -1}, {"cron": None}):
        with pytest.raises(InvalidError):
            await server.ask(Verb.CREATE, body=a_crontab("b", **spec))


async def test_subresources_of_the_kind(server: Server) -> None:
    """status and scale, as the definition says."""
    await server.define(Verb.CREATE, a_definition())
    made = await server.ask(Verb.CREATE, body=a_crontab() | {"status": {"replicas": 9}})
    assert "status" not in made

    stored = await server.ask(Verb.UPDATE, "tab", {**made, "status": {"replicas": 2}}, sub="status")
    assert stored["status"] == {"replicas": 2}
    assert stored["metadata"]["generation"] == 1
    scale = await server.ask(Verb.GET, "tab", sub="scale")
    assert scale["spec"] == {"replicas": 1}
    assert scale["status"] == {"replicas": 2}


async def test_patches_of_the_kind(server: Server) -> None:
    """Merge and apply work, strategic does not."""
    await server.define(Verb.CREATE, a_definition())
    await server.ask(Verb.CREATE, body=a_crontab())

    merged = await server.ask(
        Verb.PATCH, "tab", {"spec": {"replicas": 3}}, patch_type=PatchType.MERGE
    )
    applied = await server.ask(
        Verb.PATCH,
        "other",
        a_crontab("other", cron="2"),
        patch_type=PatchType.APPLY,
        fieldManager="me",
    )

    assert merged["spec"]["replicas"] == 3
    assert merged["metadata"]["generation"] == 2
    assert applied["spec"] == {"cron": "2", "replicas": 1}
    with pytest.raises(UnsupportedMediaTypeError):
        await server.ask(Verb.PATCH, "tab", {}, patch_type=PatchType.STRATEGIC)


async def test_second_version(server: Server) -> None:
    """Both are served; objects are stored in one."""
    made = await server.define(Verb.CREATE, a_definition())
    beta = deepcopy(made["spec"]["versions"][0]) | {
        "name": "v1beta1",
        "storage": False,
        "deprecated": True,
    }
    made["spec"]["versions"].append(beta)
    await server.define(Verb.UPDATE, made, made["metadata"]["name"])

    body = a_crontab() | {"apiVersion": "stable.example.com/v1beta1"}
    old = await server.ask(Verb.CREATE, body=body, version="v1beta1")

    assert old["apiVersion"] == "stable.example.com/v1beta1"
    assert (await server.ask(Verb.GET, "tab"))["apiVersion"] == "stable.example.com/v1"


async def test_kinds_survive_a_restart(server: Server) -> None:
    """What is stored is served from the start."""
    await server.define(Verb.CREATE, a_definition())
    await server.ask(Verb.CREATE, body=a_crontab())

    again = Server(server.store)

    assert (await again.ask(Verb.GET, "tab"))["spec"]["cron"] == "1*"


async def test_definition_goes_with_its_objects(server: Server) -> None:
    """Held objects hold it."""
    made = await server.define(Verb.CREATE, a_definition())
    name = made["metadata"]["name"]
    await server.ask(Verb.CREATE, body=a_crontab())
    held = a_crontab("held")
    held["metadata"]["finalizers"] = ["example.com/f"]
    held = await server.ask(Verb.CREATE, body=held)

    await server.define(Verb.DELETE, name=name)

    found = await server.define(Verb.GET, name=name)
    assert "deletionTimestamp" in found["metadata"]
    assert [i["metadata"]["name"] for i in (await server.ask(Verb.LIST))["items"]] == ["held"]

    await server.ask(
        Verb.PATCH, "held", {"metadata": {"finalizers": None}}, patch_type=PatchType.MERGE
    )
    with pytest.raises(NotFoundError):
        await server.define(Verb.GET, name=name)
    with pytest.raises(NotFoundError):
        await server.ask(Verb.LIST)


async def test_definition_goes_with_many_objects(server: Server) -> None:
    made = await server.define(Verb.CREATE, a_definition())
    for number in range(5):
        await server.ask(Verb.CREATE, body=a_crontab(f"tab-{number}"))

    await server.define(Verb.DELETE, name=made["metadata"]["name"])

    for gone in (server.define(Verb.GET, name=made["metadata"]["name"]), server.ask(Verb.LIST)):
        with pytest.raises(NotFoundError):
            await gone


async def test_definition_without_objects_goes_at_once(server: Server) -> None:
    """Nothing holds it."""
    made = await server.define(Verb.CREATE, a_definition())

    await server.define(Verb.DELETE, name=made["metadata"]["name"])

    with pytest.raises(NotFoundError):
        await server.define(Verb.GET, name=made["metadata"]["name"])


@pytest.mark.parametrize(
    "spec",
    [
        {"scope": "Everywhere"},
        {"versions": []},
        {"group": "other.example.com"},
        {"names": {"plural": "crontabs"}},
        {"versions": [{"name": "v1", "served": True, "storage": True}]},
    ],
)
async def test_bad_definitions_are_refused(server: Server, spec: Any) -> None:
    """422, and nothing is served."""
    with pytest.raises(InvalidError):
        await server.define(Verb.CREATE, a_definition(**spec))
    with pytest.raises(NotFoundError):
        await server.ask(Verb.LIST)
