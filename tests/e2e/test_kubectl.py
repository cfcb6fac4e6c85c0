"""Unmodified kubectl on workloads: what people do with Deployments and Pods all day."""

from __future__ import annotations

import re
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator

import pytest

from wakeful.testing.platform import BOOK_IMAGE, Platform, until

DEPLOYMENT = f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, labels: {{app: web}}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - name: main
          image: {BOOK_IMAGE}
          ports: [{{containerPort: 8080}}]
          env: [{{name: TARGET, value: kubectl}}]
          readinessProbe: {{httpGet: {{path: /, port: 8080}}}}
          volumeMounts: [{{name: scratch, mountPath: /scratch}}]
      volumes: [{{name: scratch, emptyDir: {{}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: web}}
spec:
  selector: {{app: web}}
  ports: [{{port: 80, targetPort: 8080}}]
"""


@pytest.fixture(scope="module", autouse=True)
def web(platform: Platform) -> Iterator[None]:
    platform.kubectl("apply", "-f", "-", stdin=DEPLOYMENT)
    platform.kubectl("rollout", "status", "deployment/web", "--timeout=100s")
    yield
    platform.kubectl("delete", "deployment,service", "web", "--ignore-not-found")


def pod_names(platform: Platform) -> list[str]:
    return [p["metadata"]["name"] for p in platform.get("pods", "-l", "app=web")["items"]]


def test_get_shows_the_usual_columns(platform: Platform) -> None:
    header, *rows = platform.kubectl("get", "pods", "-l", "app=web").out.splitlines()
    assert header.split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    assert all(row.split()[1:4] == ["1/1", "Running", "0"] for row in rows)
    wide = platform.kubectl("get", "deployment", "web", "-o", "wide").out.splitlines()[0]
    assert wide.split() == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
        "CONTAINERS",
        "IMAGES",
        "SELECTOR",
    ]


def test_describe_shows_events(platform: Platform) -> None:
    text = until(
        lambda: (
            (out := platform.kubectl("describe", "pod", pod_names(platform)[0]).out)
            and "Started" in out
            and out
        ),
    )
    assert "Node:" in text
    assert "web" in platform.kubectl("describe", "service", "web").out


def test_exec_runs_inside_and_returns_the_exit_code(platform: Platform) -> None:
    pod = pod_names(platform)[0]
    assert platform.kubectl("exec", pod, "--", "sh", "-c", "echo $TARGET").out == "kubectl\n"
    assert platform.kubectl("exec", pod, "--", "sh", "-c", "exit 3", check=False).code == 3
    echoed = platform.kubectl("exec", "-i", pod, "--", "cat", stdin="through stdin\n")
    assert echoed.out == "through stdin\n"


def test_cp_brings_files_in_and_out(platform: Platform, tmp_path: object) -> None:
    pod = pod_names(platform)[0]
    source = platform.data_dir.parent / "in.txt"
    target = platform.data_dir.parent / "out.txt"
    source.write_text("carried\n")
    platform.kubectl("cp", str(source), f"{pod}:/scratch/in.txt")
    platform.kubectl("cp", f"{pod}:/scratch/in.txt", str(target))
    assert target.read_text() == "carried\n"


def test_sandbox_hides_the_control_plane(platform: Platform) -> None:
    pod = pod_names(platform)[0]
    listing = platform.kubectl("exec", pod, "--", "ls", "-a", str(platform.data_dir), check=False)
    assert "state.db" not in listing.out
    assert "pki" not in listing.out
    who = platform.kubectl("exec", pod, "--", "id", "-u").out.strip()
    assert who != "0"


def test_logs_of_a_deployment(platform: Platform) -> None:
    assert "listening" in platform.kubectl("logs", "deployment/web").out
    stamped = platform.kubectl("logs", "-l", "app=web", "--tail=1", "--timestamps").out
    assert stamped.startswith("20")


def test_logs_follow_until_the_pod_ends(platform: Platform) -> None:
    platform.kubectl(
        "run",
        "talker",
        f"--image={BOOK_IMAGE}",
        "--restart=Never",
        "--command",
        "--",
        "sh",
        "-c",
        "for i in 1 2 3; do echo line $i; sleep 0.2; done",
    )
    until(lambda: platform.kubectl("logs", "talker", check=False).code == 0)
    assert platform.kubectl("logs", "-f", "talker").out == "line 1\nline 2\nline 3\n"
    platform.kubectl(
        "wait", "pod/talker", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=100s"
    )
    platform.kubectl("delete", "pod", "talker")


def test_port_forward_reaches_a_pod(platform: Platform) -> None:
    forward = subprocess.Popen(
        [
            "kubectl",
            "--kubeconfig",
            str(platform.data_dir / "kubeconfig"),
            "port-forward",
            "deployment/web",
            ":8080",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert forward.stdout is not None
        found = re.match(r"Forwarding from 127\.0\.0\.1:(\d+)", forward.stdout.readline())
        assert found is not None
        for _ in range(3):
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}", timeout=60) as answer:
                assert answer.read() == b"Hello kubectl!\n"
    finally:
        forward.terminate()
        forward.wait()
        forward.stdout.close()


def test_a_service_answers_at_its_own_name_and_port(platform: Platform) -> None:
    pod = pod_names(platform)[0]
    if platform.get("pod", pod)["status"]["podIP"].startswith("127."):
        pytest.skip("instances share the network of this machine")
    ask = "import urllib.request; print(urllib.request.urlopen('http://web').read().decode())"
    command = ("exec", pod, "--", "python3", "-c", ask)
    until(lambda: platform.kubectl(*command, check=False).code == 0)
    assert platform.kubectl(*command).out.strip() == "Hello kubectl!"


def test_scale_and_endpoints(platform: Platform) -> None:
    platform.kubectl("scale", "deployment/web", "--replicas=3")
    platform.kubectl("rollout", "status", "deployment/web", "--timeout=100s")

    def endpoints() -> int:
        slices = platform.get("endpointslices", "-l", "kubernetes.io/service-name=web")["items"]
        return sum(len(s.get("endpoints") or ()) for s in slices)

    until(lambda: endpoints() == 3)
    platform.kubectl("scale", "deployment/web", "--replicas=2")
    until(lambda: endpoints() == 2)


def test_rollout_restart_and_undo(platform: Platform) -> None:
    platform.kubectl("set", "env", "deployment/web", "TARGET=second")
    platform.kubectl("rollout", "status", "deployment/web", "--timeout=100s")
    pod = pod_names(platform)[0]
    until(
        lambda: (
            platform.kubectl(
                "exec", pod_names(platform)[0], "--", "sh", "-c", "echo $TARGET", check=False
            ).out
            == "second\n"
        )
    )
    platform.kubectl("rollout", "undo", "deployment/web")
    platform.kubectl("rollout", "status", "deployment/web", "--timeout=100s")
    until(lambda: pod not in pod_names(platform))
    history = platform.kubectl("rollout", "history", "deployment/web").out
    assert "REVISION" in history


def test_server_side_apply_diff_and_dry_run(platform: Platform) -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {a: one}\n"
    platform.kubectl("apply", "--server-side", "-f", "-", stdin=config)
    assert platform.kubectl("diff", "-f", "-", stdin=config, check=False).code == 0
    changed = config.replace("one", "two")
    assert platform.kubectl("diff", "-f", "-", stdin=changed, check=False).code == 1
    platform.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=changed)
    assert platform.get("cm", "settings")["data"] == {"a": "one"}
    platform.kubectl("delete", "cm", "settings")


def test_namespace_is_emptied_and_removed(platform: Platform) -> None:
    platform.kubectl("create", "namespace", "short-lived")
    until(
        lambda: platform.kubectl("get", "sa", "default", "-n", "short-lived", check=False).code == 0
    )
    platform.kubectl("create", "cm", "x", "--from-literal=a=b", "-n", "short-lived")
    platform.kubectl("delete", "namespace", "short-lived", "--timeout=100s")
    assert platform.kubectl("get", "namespace", "short-lived", check=False).code != 0


def test_a_file_that_begins_with_its_namespace_is_deleted_as_a_whole(platform: Platform) -> None:
    """What is in the namespace is still there when its turn comes, moments later."""
    whole = "apiVersion: v1\nkind: Namespace\nmetadata: {name: whole}\n" + "".join(
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{n}, namespace: whole}}\n"
        for n in range(20)
    )
    platform.kubectl("apply", "-f", "-", stdin=whole)
    deleted = platform.kubectl("delete", "-f", "-", "--timeout=100s", stdin=whole).out
    assert len(deleted.splitlines()) == 21


def test_the_gateway_has_no_ports_that_do_not_open(platform: Platform) -> None:
    ports = platform.get("svc", "istio-ingressgateway", "-n", "istio-system")["spec"]["ports"]
    assert not any(port.get("nodePort") for port in ports)


def test_service_account_is_held_to_its_role(platform: Platform) -> None:
    platform.kubectl("create", "sa", "reader")
    platform.kubectl("create", "role", "read-pods", "--verb=get,list", "--resource=pods")
    platform.kubectl(
        "create", "rolebinding", "reader", "--role=read-pods", "--serviceaccount=default:reader"
    )
    token = platform.kubectl("create", "token", "reader").out.strip()
    as_reader = [
        "--token",
        token,
        "--kubeconfig",
        "/dev/null",
        "--server",
        platform.addresses["api"],
    ]
    as_reader += ["--insecure-skip-tls-verify"]
    assert platform.kubectl("get", "pods", *as_reader).code == 0
    denied = platform.kubectl("get", "secrets", *as_reader, check=False)
    assert 'cannot list resource "secrets"' in denied.err
    who = "--as=system:serviceaccount:default:reader"
    assert platform.kubectl("auth", "can-i", "list", "pods", who).out.strip() == "yes"
    answer = platform.kubectl("auth", "can-i", "delete", "pods", who, check=False)
    assert answer.out.strip() == "no"
    platform.kubectl("delete", "sa/reader", "role/read-pods", "rolebinding/reader")


def test_watch_shows_changes_as_they_happen(platform: Platform) -> None:
    lines: list[str] = []
    watch = subprocess.Popen(
        [
            "kubectl",
            "--kubeconfig",
            str(platform.data_dir / "kubeconfig"),
            "get",
            "cm",
            "-w",
            "-o",
            "name",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )

    def read() -> None:
        assert watch.stdout is not None
        for line in watch.stdout:
            lines.append(line.strip())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        until(lambda: lines)
        platform.kubectl("create", "cm", "appears", "--from-literal=a=b")
        until(lambda: "configmap/appears" in lines)
    finally:
        watch.terminate()
        watch.wait()
        reader.join()
        assert watch.stdout is not None
        watch.stdout.close()
    platform.kubectl("delete", "cm", "appears")


def test_explain_and_discovery(platform: Platform) -> None:
    assert "template" in platform.kubectl("explain", "ksvc.spec").out
    resources = platform.kubectl("api-resources").out
    for name in ("ksvc", "revisions", "deployments", "podautoscalers"):
        assert name in resources
    assert "serving.knative.dev/v1" in platform.kubectl("api-versions").out.splitlines()
    assert "v1.34" in platform.kubectl("version").out
    assert "is running at" in platform.kubectl("cluster-info").out


def test_user_defined_kinds_work(platform: Platform) -> None:
    crd = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.org}
spec:
  group: example.org
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget, shortNames: [wg]}
  versions:
    - name: v1
      served: true
      storage: true
      additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              required: [size]
              properties: {size: {type: integer, minimum: 1}}
"""
    platform.kubectl("apply", "-f", "-", stdin=crd)
    platform.kubectl(
        "wait", "crd/widgets.example.org", "--for=condition=Established", "--timeout=100s"
    )
    widget = "apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: w}\nspec: {size: 3}\n"
    platform.kubectl("apply", "-f", "-", stdin=widget)
    assert platform.kubectl("get", "wg").out.split()[-2:] == ["w", "3"]
    bad = platform.kubectl(
        "apply", "-f", "-", stdin=widget.replace("size: 3", "size: 0"), check=False
    )
    assert bad.code != 0
    assert "spec.size" in bad.err
    platform.kubectl("delete", "crd", "widgets.example.org")


def test_crashing_pod_says_so(platform: Platform) -> None:
    platform.kubectl(
        "run",
        "crasher",
        f"--image={BOOK_IMAGE}",
        "--command",
        "--",
        "sh",
        "-c",
        "echo boom; exit 7",
    )

    def status() -> str:
        return platform.kubectl("get", "pod", "crasher", "--no-headers").out

    until(lambda: "CrashLoopBackOff" in status() or "Error" in status())
    until(lambda: "boom" in platform.kubectl("logs", "crasher", "-p", check=False).out)
    state = platform.get("pod", "crasher")["status"]["containerStatuses"][0]
    assert state["restartCount"] >= 1
    assert state["lastState"]["terminated"]["exitCode"] == 7
    begun = time.monotonic()
    platform.kubectl("delete", "pod", "crasher", "--now")
    assert time.monotonic() - begun < 20
