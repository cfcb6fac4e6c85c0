"""The real kubectl against the whole server: what a user types, and what it answers."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from wakeful.apimachinery.request import APIRequest, Verb

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: main, image: "web:1", ports: [{containerPort: 80}], env: [{name: A, value: b}]}
"""
SERVICE = """
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: hello}
spec:
  template:
    spec:
      containers: [{image: example.com/hello, env: [{name: TARGET, value: world}]}]
"""
DEFINITION = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, kind: CronTab, shortNames: [ct]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            description: What runs when.
            properties:
              cron: {type: string, description: Five fields.}
              replicas: {type: integer, default: 1}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
    subresources: {status: {}, scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
    additionalPrinterColumns: [{name: Cron, type: string, jsonPath: .spec.cron}]
"""  # noqa: E501 - YAML
CRONTAB = """
apiVersion: stable.example.com/v1
kind: CronTab
metadata: {name: tab}
spec: {cron: "* * * * *"}
"""


async def version_of(cluster: Any, kind: str, name: str) -> str:
    found: str = await cluster.kubectl(
        "get", kind, name, "-o", "jsonpath={.metadata.resourceVersion}"
    )
    return found


class TestApply:
    async def test_created_unchanged_configured(self, cluster: Any) -> None:
        """The three answers of a client-side apply on a built-in kind."""
        file = cluster.file("web.yaml", DEPLOYMENT)
        assert await cluster.kubectl("apply", "-f", file) == "deployment.apps/web created\n"
        version = await version_of(cluster, "deployment", "web")
        assert await cluster.kubectl("apply", "-f", file) == "deployment.apps/web unchanged\n"
        assert await version_of(cluster, "deployment", "web") == version

        cluster.file("web.yaml", DEPLOYMENT.replace("value: b", "value: c"))
        assert await cluster.kubectl("apply", "-f", file) == "deployment.apps/web configured\n"
        found = await cluster.json("get", "deployment", "web")
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "A", "value": "c"}]
        assert found["metadata"]["generation"] == 2

    async def test_knative_service_again_changes_nothing(self, cluster: Any) -> None:
        """Defaults come back; resourceVersion and generation stay."""
        file = cluster.file("hello.yaml", SERVICE)
        await cluster.kubectl("apply", "-f", file)
        version = await version_of(cluster, "ksvc", "hello")

        await cluster.kubectl("apply", "-f", file)

        assert await version_of(cluster, "ksvc", "hello") == version

    async def test_list_document_and_standard_input(self, cluster: Any) -> None:
        """kind: List, and several documents through a pipe."""
        items = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
            f"- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: c{i}}}}}\n" for i in (1, 2)
        )
        out = await cluster.kubectl("apply", "-f", cluster.file("list.yaml", items))
        assert out == "configmap/c1 created\nconfigmap/c2 created\n"
        out = await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT + "---" + SERVICE)
        assert "deployment.apps/web created" in out
        assert "service.serving.knative.dev/hello created" in out

    async def test_server_side(self, cluster: Any) -> None:
        """Apply, conflict, force, and migration from client-side."""
        file = cluster.file("web.yaml", DEPLOYMENT)
        await cluster.kubectl("apply", "-f", file)
        out = await cluster.kubectl("apply", "--server-side", "-f", file)
        assert out == "deployment.apps/web serverside-applied\n"
        version = await version_of(cluster, "deployment", "web")
        await cluster.kubectl("apply", "--server-side", "-f", file)
        assert await version_of(cluster, "deployment", "web") == version

        await cluster.kubectl("set", "env", "deployment/web", "A=other")
        refused = await cluster.run("apply", "--server-side", "--field-manager=robot", "-f", file)
        assert refused.code == 1
        assert "Apply failed with 1 conflict" in refused.err
        await cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", file)
        found = await cluster.json("get", "deployment", "web")
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert container["env"] == [{"name": "A", "value": "b"}]

    async def test_dry_run_and_diff(self, cluster: Any) -> None:
        """Nothing is stored; diff's exit code tells."""
        file = cluster.file("web.yaml", DEPLOYMENT)
        for mode in ("server", "client"):
            out = await cluster.kubectl("apply", f"--dry-run={mode}", "-f", file)
            assert out.startswith("deployment.apps/web created (")
        assert await cluster.kubectl("get", "deployments", "-o", "name") == ""

        await cluster.kubectl("diff", "-f", file, code=1)
        await cluster.kubectl("apply", "-f", file)
        assert await cluster.kubectl("diff", "-f", file, code=0) == ""
        cluster.file("web.yaml", DEPLOYMENT.replace("web:1", "web:2"))
        assert "+      - env:" not in (shown := await cluster.kubectl("diff", "-f", file, code=1))
        assert "+        image: web:2" in shown or "+      - image: web:2" in shown

    async def test_unknown_field_is_refused_by_name(self, cluster: Any) -> None:
        """Strict decoding is the server's; so is the webhook's wording."""
        file = cluster.file("bad.yaml", SERVICE.replace("env:", "envs:"))
        result = await cluster.run("apply", "-f", file)
        assert result.code == 1
        assert 'unknown field "spec.template.spec.containers[0].envs"' in result.err

        file = cluster.file("bad.yaml", SERVICE.replace("image: example.com/hello, ", ""))
        result = await cluster.run("apply", "-f", file)
        assert 'admission webhook "validation.webhook.serving.knative.dev" denied' in result.err
        assert "missing field(s): spec.template.spec.containers[0].image" in result.err

    async def test_prune(self, cluster: Any) -> None:
        """What is no longer in the set goes."""
        both = "".join(
            f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {n}, labels: {{s: t}}}}\n"
            for n in ("a", "b")
        )
        file = cluster.file("set.yaml", both)
        await cluster.kubectl("apply", "-f", file)
        cluster.file("set.yaml", both.rpartition("---")[0])
        out = await cluster.kubectl(
            "apply", "--prune", "-l", "s=t", "--prune-allowlist=core/v1/ConfigMap", "-f", file
        )
        assert "configmap/b pruned" in out


class TestCreate:
    async def test_imperative_creates(self, cluster: Any) -> None:
        """kubectl sends these as protobuf."""
        for command in (
            "namespace room",
            "configmap c --from-literal=a=b",
            "secret generic s --from-literal=a=b",
            "serviceaccount robot",
            "role r --verb=get --resource=pods",
            "rolebinding rb --role=r --serviceaccount=default:robot",
            "clusterrole cr --verb=get,list --resource=nodes",
            "clusterrolebinding crb --clusterrole=cr --user=alice",
            "deployment d --image=x --port=80",
            "job j --image=x",
            "cronjob cj --image=x --schedule=*/5_*_*_*_*",
            "service clusterip svc --tcp=80:8080",
            "ingress i --rule=example.test/*=svc:80",
            "quota q --hard=pods=3",
            "poddisruptionbudget p --selector=a=b --min-available=1",
            "priorityclass pc --value=10",
        ):
            words = [w.replace("_", " ") for w in command.split()]
            assert "created" in await cluster.kubectl("create", *words), command
        secret = await cluster.json("get", "secret", "s")
        assert secret["data"] == {"a": "Yg=="}
        deployment = await cluster.json("get", "deployment", "d")
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["template"]["spec"]["containers"][0]["ports"] == [
            {"containerPort": 80, "protocol": "TCP"}
        ]

    async def test_create_file_twice_and_replace(self, cluster: Any) -> None:
        """AlreadyExists, then replaced, also by force."""
        file = cluster.file("web.yaml", DEPLOYMENT)
        assert await cluster.kubectl("create", "-f", file) == "deployment.apps/web created\n"
        result = await cluster.run("create", "-f", file)
        assert result.code == 1
        assert "(AlreadyExists)" in result.err
        uid = (await cluster.json("get", "deployment", "web"))["metadata"]["uid"]
        assert "replaced" in await cluster.kubectl("replace", "-f", file)
        assert "replaced" in await cluster.kubectl("replace", "--force", "-f", file)
        assert (await cluster.json("get", "deployment", "web"))["metadata"]["uid"] != uid

    async def test_generated_name(self, cluster: Any) -> None:
        """generateName works with create."""
        body = "apiVersion: v1\nkind: ConfigMap\nmetadata: {generateName: gen-}\n"
        out = await cluster.kubectl("create", "-f", "-", stdin=body)
        assert out.startswith("configmap/gen-")

    async def test_invalid_object_lists_every_fault(self, cluster: Any) -> None:
        """As kubectl prints a 422."""
        bad = DEPLOYMENT.replace("{matchLabels: {app: web}}", "{matchLabels: {app: other}}")
        result = await cluster.run("create", "-f", "-", stdin=bad)
        assert result.code == 1
        assert 'The Deployment "web" is invalid: spec.template.metadata.labels' in result.err

    async def test_run_expose_autoscale(self, cluster: Any) -> None:
        """Objects made from others."""
        await cluster.kubectl("create", "deployment", "d", "--image=x")
        assert await cluster.kubectl("run", "p", "--image=x") == "pod/p created\n"
        assert "exposed" in await cluster.kubectl("expose", "deployment", "d", "--port=80")
        await cluster.kubectl("autoscale", "deployment", "d", "--max=3", "--cpu-percent=50")
        hpa = await cluster.json("get", "hpa", "d")
        assert hpa["apiVersion"] == "autoscaling/v2"
        assert hpa["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"] == 50


class TestGet:
    async def test_tables(self, cluster: Any) -> None:
        """Columns, wide ones, labels, all namespaces, sorting."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
        await cluster.kubectl("create", "configmap", "a", "--from-literal=k=v")
        await cluster.kubectl("label", "configmap", "a", "color=red")

        out = await cluster.kubectl("get", "deploy")
        assert out.splitlines()[0].split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
        assert out.splitlines()[1].split()[:4] == ["web", "0/2", "0", "0"]
        wide = await cluster.kubectl("get", "deploy", "-o", "wide")
        assert wide.splitlines()[0].split()[-3:] == ["CONTAINERS", "IMAGES", "SELECTOR"]
        everywhere = await cluster.kubectl("get", "cm", "-A", "--show-labels")
        assert everywhere.splitlines()[0].split() == ["NAMESPACE", "NAME", "DATA", "AGE", "LABELS"]
        assert "color=red" in everywhere
        assert "red" in await cluster.kubectl("get", "cm", "-L", "color")
        by_name = await cluster.kubectl("get", "ns", "--sort-by=.metadata.name", "-o", "name")
        assert by_name.split() == ["namespace/default", "namespace/kube-system"]
        assert "deployment.apps/web" in await cluster.kubectl("get", "all")

    async def test_formats_and_selectors(self, cluster: Any) -> None:
        """json, yaml, name, jsonpath, custom columns; labels and fields."""
        for name, color in (("a", "red"), ("b", "blue")):
            await cluster.kubectl("create", "configmap", name, "--from-literal=k=v")
            await cluster.kubectl("label", "configmap", name, f"color={color}")

        assert json.loads(await cluster.kubectl("get", "cm", "a", "-o", "json"))["data"] == {
            "k": "v"
        }
        assert "kind: ConfigMap" in await cluster.kubectl("get", "cm", "a", "-o", "yaml")
        assert await cluster.kubectl("get", "cm", "-l", "color=red", "-o", "name") == (
            "configmap/a\n"
        )
        assert await cluster.kubectl("get", "cm", "-l", "color!=red", "-o", "name") == (
            "configmap/b\n"
        )
        out = await cluster.kubectl(
            "get", "cm", "--field-selector=metadata.name=b", "-o", "jsonpath={.items[*].data.k}"
        )
        assert out == "v"
        out = await cluster.kubectl("get", "cm", "-o", "custom-columns=N:.metadata.name")
        assert out.split() == ["N", "a", "b"]
        result = await cluster.run("get", "cm", "--field-selector=data.k=v")
        assert "field label not supported: data.k" in result.err
        result = await cluster.run("get", "cm", "nothing")
        assert result.err == 'Error from server (NotFound): configmaps "nothing" not found\n'
        result = await cluster.run("get", "nonsense")
        assert 'the server doesn\'t have a resource type "nonsense"' in result.err

    async def test_chunks(self, cluster: Any) -> None:
        """Pages are put together."""
        for i in range(7):
            await cluster.transport.call(_config_map(f"c{i}"))
        out = await cluster.kubectl("get", "cm", "--chunk-size=3", "-o", "name")
        assert len(out.split()) == 7

    async def test_watch(self, cluster: Any) -> None:
        """get -w shows what is there, then every change."""
        await cluster.transport.call(_config_map("first"))
        process = await cluster.start("get", "cm", "-w", "-o", "name")
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"configmap/first\n"
            await cluster.transport.call(_config_map("second"))
            assert await process.stdout.readline() == b"configmap/second\n"
        process.kill()
        await process.communicate()

    async def test_table_watch(self, cluster: Any) -> None:
        """The header is printed once."""
        process = await cluster.start("get", "cm", "--watch-only")
        async with asyncio.timeout(60):
            await cluster.watching()
            for name in ("one", "two"):
                await cluster.transport.call(_config_map(name))
            lines = [await process.stdout.readline() for _ in range(3)]
        assert [line.split()[0] for line in lines] == [b"NAME", b"one", b"two"]
        process.kill()
        await process.communicate()

    async def test_describe(self, cluster: Any) -> None:
        """With related objects and events."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT + "---" + SERVICE)
        await cluster.kubectl("run", "p", "--image=x")
        assert "Replicas:               2 desired" in await cluster.kubectl(
            "describe", "deploy", "web"
        )
        described = await cluster.kubectl("describe", "pod", "p")
        assert re.search(r"^Status: +Pending$", described, re.MULTILINE)
        assert "Kind:         Service" in await cluster.kubectl("describe", "ksvc", "hello")
        assert "Status:       Active" in await cluster.kubectl("describe", "ns", "default")


def _config_map(name: str, verb: str = "create") -> Any:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return APIRequest(Verb(verb), "", "v1", "configmaps", "default", body=body)


class TestChange:
    async def test_patches(self, cluster: Any) -> None:
        """The three kinds, and the explanation where one is not supported."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT + "---" + SERVICE)
        strategic = {
            "spec": {"template": {"spec": {"containers": [{"name": "main", "image": "web:9"}]}}}
        }
        await cluster.kubectl("patch", "deploy", "web", "-p", json.dumps(strategic))
        found = await cluster.json("get", "deploy", "web")
        (container,) = found["spec"]["template"]["spec"]["containers"]
        assert container["image"] == "web:9"
        assert container["env"] == [{"name": "A", "value": "b"}]

        merge = '{"spec":{"replicas":5}}'
        assert "patched" in await cluster.kubectl(
            "patch", "deploy", "web", "--type=merge", "-p", merge
        )
        assert "patched (no change)" in await cluster.kubectl(
            "patch", "deploy", "web", "--type=merge", "-p", merge
        )
        operations = '[{"op":"replace","path":"/spec/replicas","value":6}]'
        await cluster.kubectl("patch", "deploy", "web", "--type=json", "-p", operations)
        status = '{"status":{"replicas":6}}'
        await cluster.kubectl(
            "patch", "deploy", "web", "--subresource=status", "--type=merge", "-p", status
        )
        found = await cluster.json("get", "deploy", "web")
        assert (found["spec"]["replicas"], found["status"]["replicas"]) == (6, 6)

        result = await cluster.run("patch", "ksvc", "hello", "-p", merge)
        assert "strategic-merge-patch+json is not supported" in result.err

    async def test_label_annotate_edit(self, cluster: Any) -> None:
        """Metadata and an editor."""
        await cluster.kubectl("create", "configmap", "c", "--from-literal=k=v")
        assert "labeled" in await cluster.kubectl("label", "cm", "c", "a=b")
        assert "unlabeled" in await cluster.kubectl("label", "cm", "c", "a-")
        assert "annotated" in await cluster.kubectl("annotate", "cm", "c", "a=b")
        assert "labeled" in await cluster.kubectl("label", "cm", "--all", "x=y")
        out = await cluster.kubectl("edit", "cm", "c", env={"EDITOR": "sed -i s/k:.v/k:\\ w/"})
        assert "edited" in out
        found = await cluster.json("get", "cm", "c")
        assert found["data"] == {"k": "w"}
        assert found["metadata"]["labels"] == {"x": "y"}

    async def test_scale_and_set(self, cluster: Any) -> None:
        """Through the scale subresource and strategic patches."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
        assert "scaled" in await cluster.kubectl("scale", "deploy", "web", "--replicas=0")
        assert "scaled" in await cluster.kubectl(
            "scale", "deploy", "web", "--current-replicas=0", "--replicas=4"
        )
        await cluster.kubectl(
            "scale", "deploy", "web", "--current-replicas=9", "--replicas=1", code=1
        )
        assert "updated" in await cluster.kubectl("set", "image", "deploy/web", "main=web:7")
        assert "restarted" in await cluster.kubectl("rollout", "restart", "deploy/web")
        assert "paused" in await cluster.kubectl("rollout", "pause", "deploy/web")
        found = await cluster.json("get", "deploy", "web")
        assert found["spec"]["replicas"] == 4
        assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "web:7"


class TestDelete:
    async def test_delete_by_file_name_and_label(self, cluster: Any) -> None:
        """Waiting until it is gone."""
        for name in ("a", "b", "c"):
            await cluster.kubectl("create", "configmap", name)
        await cluster.kubectl("label", "cm", "b", "x=y")
        assert await cluster.kubectl("delete", "cm", "a") == 'configmap "a" deleted\n'
        assert await cluster.kubectl("delete", "cm", "-l", "x=y") == 'configmap "b" deleted\n'
        assert await cluster.kubectl("delete", "cm", "--all") == 'configmap "c" deleted\n'
        await cluster.kubectl("delete", "cm", "a", code=1)
        await cluster.kubectl("delete", "cm", "a", "--ignore-not-found")

    async def test_finalizer_holds_until_it_is_taken(self, cluster: Any) -> None:
        """delete waits; wait --for=delete sees the end."""
        held = (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.com/f]}\n"
        )
        await cluster.kubectl("create", "-f", "-", stdin=held)
        await cluster.kubectl("delete", "cm", "held", "--wait=false")
        found = await cluster.json("get", "cm", "held")
        assert "deletionTimestamp" in found["metadata"]

        waiting = asyncio.create_task(
            cluster.kubectl("wait", "--for=delete", "cm/held", "--timeout=60s")
        )
        await cluster.watching()
        patch = '{"metadata":{"finalizers":null}}'
        await cluster.kubectl("patch", "cm", "held", "--type=merge", "-p", patch)
        assert "condition met" in await waiting
        await cluster.kubectl("get", "cm", "held", code=1)

    @pytest.mark.parametrize(
        ("cascade", "finalizer"), [("foreground", "foregroundDeletion"), ("orphan", "orphan")]
    )
    async def test_cascade(self, cluster: Any, cascade: str, finalizer: str) -> None:
        """The choice becomes a finalizer for the garbage collector."""
        await cluster.kubectl("create", "configmap", "c")
        await cluster.kubectl("delete", "cm", "c", f"--cascade={cascade}", "--wait=false")
        found = await cluster.json("get", "cm", "c")
        assert found["metadata"]["finalizers"] == [finalizer]

    async def test_protected_namespace(self, cluster: Any) -> None:
        """403."""
        result = await cluster.run("delete", "ns", "default")
        assert "(Forbidden)" in result.err


class TestWait:
    async def test_condition_and_jsonpath(self, cluster: Any) -> None:
        """wait is a list and a watch by name."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
        waiting = asyncio.create_task(
            cluster.kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=60s")
        )
        status = {
            "status": {
                "conditions": [{"type": "Available", "status": "True"}],
                "availableReplicas": 2,
            }
        }
        await cluster.kubectl(
            "patch",
            "deploy",
            "web",
            "--subresource=status",
            "--type=merge",
            "-p",
            json.dumps(status),
        )
        assert "condition met" in await waiting
        await cluster.kubectl(
            "wait", "--for=jsonpath={.status.availableReplicas}=2", "deploy/web", "--timeout=60s"
        )
        await cluster.kubectl(
            "wait", "--for=condition=Progressing", "deploy/web", "--timeout=1s", code=1
        )


class TestDiscovery:
    async def test_versions_and_resources(self, cluster: Any) -> None:
        """Everything that is served, with short names."""
        assert "1.34" in await cluster.kubectl("version")
        assert "serving.knative.dev/v1" in (await cluster.kubectl("api-versions")).split()
        out = await cluster.kubectl("api-resources", "--sort-by=name")
        assert any(line.split()[:3] == ["pods", "po", "v1"] for line in out.splitlines())
        out = await cluster.kubectl("api-resources", "--categories=knative", "-o", "name")
        assert "services.serving.knative.dev" in out.split()
        assert "is running at" in await cluster.kubectl("cluster-info")

    async def test_explain(self, cluster: Any) -> None:
        """Fields and descriptions of built-in and Knative kinds."""
        assert "containers\t<[]Container>" in await cluster.kubectl("explain", "pod.spec")
        assert "template" in await cluster.kubectl("explain", "ksvc.spec")
        assert "replicas" in await cluster.kubectl("explain", "deploy", "--recursive")

    async def test_raw(self, cluster: Any) -> None:
        """Any path."""
        assert await cluster.kubectl("get", "--raw", "/healthz") == "ok"
        assert "check passed" in await cluster.kubectl("get", "--raw", "/readyz?verbose")
        listed = json.loads(await cluster.kubectl("get", "--raw", "/api/v1/namespaces"))
        assert listed["kind"] == "NamespaceList"
        await cluster.kubectl("get", "--raw", "/nothing", code=1)

    async def test_users_kind(self, cluster: Any) -> None:
        """Defined, explained, created, scaled, deleted."""
        await cluster.kubectl("apply", "-f", "-", stdin=DEFINITION)
        name = "crd/crontabs.stable.example.com"
        await cluster.kubectl("wait", "--for=condition=Established", name, "--timeout=60s")
        await cluster.kubectl("apply", "-f", "-", stdin=CRONTAB)
        assert "unchanged" in await cluster.kubectl("apply", "-f", "-", stdin=CRONTAB)
        out = await cluster.kubectl("get", "ct")
        assert out.splitlines()[0].split() == ["NAME", "CRON"]
        assert "Five fields." in await cluster.kubectl("explain", "crontab.spec.cron")
        assert "scaled" in await cluster.kubectl("scale", "ct", "tab", "--replicas=3")
        assert "serverside-applied" in await cluster.kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=CRONTAB
        )
        result = await cluster.run("create", "-f", "-", stdin=CRONTAB.replace("cron:", "corn:"))
        assert 'unknown field "spec.corn"' in result.err
        await cluster.kubectl("delete", "crd", "crontabs.stable.example.com")
        await cluster.kubectl("get", "ct", code=1)

    async def test_platform_kinds_have_definitions(self, cluster: Any) -> None:
        """kn finds sources and channels so; the platform's own cannot be deleted."""
        out = await cluster.kubectl("get", "crd", "-o", "name")
        assert "services.serving.knative.dev" in out
        result = await cluster.run("delete", "crd", "services.serving.knative.dev")
        assert "part of the platform" in result.err


class TestAuth:
    async def test_who_and_what(self, cluster: Any) -> None:
        """Reviews travel as protobuf."""
        out = await cluster.kubectl("auth", "whoami")
        assert "system:masters" in out
        assert await cluster.kubectl("auth", "can-i", "create", "pods") == "yes\n"
        assert "*.*" in await cluster.kubectl("auth", "can-i", "--list")
        out = await cluster.kubectl("auth", "whoami", "--as=alice", "--as-group=staff")
        assert "alice" in out
        assert "staff" in out
