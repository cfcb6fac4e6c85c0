"""The runtime contract: what a program finds when it runs as a service."""

from __future__ import annotations

from typing import Any

import pytest

from wakeful.testing.platform import until
from wakeful.testing.services import AWAKE, PROBE_IMAGE, Namespace, a_service

SETTINGS: list[dict[str, Any]] = [
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "settings"},
        "data": {"COLOR": "blue", "file.txt": "from the map", "shared": "map"},
    },
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "secrets"},
        "stringData": {"PASSWORD": "hush", "file.txt": "from the secret", "shared": "secret"},
    },
]


def from_map(kind: str, name: str, key: str) -> dict[str, Any]:
    return {"valueFrom": {f"{kind}KeyRef": {"name": name, "key": key}}}


@pytest.fixture(scope="module", autouse=True)
def services(namespace: Namespace) -> None:
    """Every service of this module, with one command."""
    mounts = [
        {"name": "config", "mountPath": "/etc/from-config"},
        {"name": "secret", "mountPath": "/etc/from-secret"},
        {"name": "picked", "mountPath": "/etc/picked"},
        {"name": "both", "mountPath": "/etc/both"},
        {"name": "token", "mountPath": "/var/run/tokens"},
        {"name": "scratch", "mountPath": "/scratch"},
        {"name": "memory", "mountPath": "/in-memory"},
    ]
    volumes = [
        {"name": "config", "configMap": {"name": "settings"}},
        {"name": "secret", "secret": {"secretName": "secrets", "defaultMode": 0o400}},
        {
            "name": "picked",
            "configMap": {
                "name": "settings",
                "items": [{"key": "file.txt", "path": "deep/er.txt"}],
            },
        },
        {
            "name": "both",
            "projected": {
                "sources": [
                    {"configMap": {"name": "settings"}},
                    {"secret": {"name": "secrets"}},
                    {
                        "downwardAPI": {
                            "items": [
                                {"path": "name", "fieldRef": {"fieldPath": "metadata.namespace"}}
                            ]
                        }
                    },
                ]
            },
        },
        {
            "name": "token",
            "projected": {
                "sources": [{"serviceAccountToken": {"path": "token", "audience": "somebody"}}]
            },
        },
        {"name": "scratch", "emptyDir": {}},
        {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "10Mi"}},
    ]
    sidecar = {
        "image": PROBE_IMAGE,
        "name": "side",
        "env": [{"name": "TARGET", "value": "sidecar"}, {"name": "LISTEN", "value": "8882"}],
    }
    both = a_service("pair", container={"ports": [{"containerPort": 8881}]}, annotations=AWAKE)
    both["spec"]["template"]["spec"]["containers"].append(sidecar)
    namespace.apply(
        *SETTINGS,
        a_service("plain", container={"ports": [{"containerPort": 8801}]}, annotations=AWAKE),
        a_service(
            "environment",
            container={
                "env": [
                    {"name": "ONE_COLOR", **from_map("configMap", "settings", "COLOR")},
                    {"name": "ONE_PASSWORD", **from_map("secret", "secrets", "PASSWORD")},
                    {"name": "EARLIER", "value": "e"},
                    {"name": "COMPOSED", "value": "$(EARLIER)-$(ONE_COLOR)-$$(EARLIER)-$(NONE)"},
                ],
                "envFrom": [
                    {"configMapRef": {"name": "settings"}, "prefix": "M_"},
                    {"secretRef": {"name": "secrets"}},
                ],
            },
            annotations=AWAKE,
        ),
        a_service(
            "files",
            container={"volumeMounts": mounts},
            volumes=volumes,
            annotations=AWAKE,
        ),
        a_service(
            "own-command",
            container={
                "command": ["/usr/bin/python3"],
                "args": ["-S", "-E", "-I", "/workspace/app.py", "--flag", "$(WHO)", "$$(WHO)"],
                "workingDir": "/made/for/this",
                "env": [{"name": "WHO", "value": "me"}],
            },
            annotations=AWAKE,
        ),
        a_service(
            "as-user",
            container={
                "securityContext": {
                    "runAsUser": 65532,
                    "runAsGroup": 65533,
                    "allowPrivilegeEscalation": False,
                }
            },
            annotations=AWAKE,
        ),
        a_service(
            "limited",
            container={
                "resources": {
                    "limits": {"memory": "350Mi", "cpu": "500m"},
                    "requests": {"memory": "64Mi", "cpu": "10m"},
                }
            },
            annotations=AWAKE,
        ),
        both,
    )
    namespace.ready("plain", "environment", "files", "own-command", "as-user", "limited", "pair")


def info(namespace: Namespace, name: str, **headers: str) -> dict[str, Any]:
    return dict(namespace.ask(name, "/info?stdin=1", headers=headers).json())


def look(namespace: Namespace, name: str, path: str, **options: Any) -> dict[str, Any]:
    return dict(namespace.ask(name, f"/file?path={path}", **options).json())


def test_environment_of_the_contract(namespace: Namespace) -> None:
    env = info(namespace, "plain")["env"]
    assert env["PORT"] == "8801"
    assert env["K_SERVICE"] == env["K_CONFIGURATION"] == "plain"
    assert env["K_REVISION"] == "plain-00001"
    assert not [name for name in env if name.endswith("_SERVICE_HOST") and "KUBERNETES" not in name]


def test_environment_from_maps_and_secrets(namespace: Namespace) -> None:
    env = info(namespace, "environment")["env"]
    assert env["PORT"] == "8080"
    assert (env["ONE_COLOR"], env["ONE_PASSWORD"]) == ("blue", "hush")
    assert (env["M_COLOR"], env["PASSWORD"]) == ("blue", "hush")
    assert env["COMPOSED"] == "e-blue-$(EARLIER)-$(NONE)"


def test_headers_reach_the_program(namespace: Namespace) -> None:
    headers = info(namespace, "plain", **{"X-Custom": "unchanged", "traceparent": "00-a-b-01"})[
        "headers"
    ]
    assert headers["host"] == namespace.host("plain")
    assert headers["x-custom"] == "unchanged"
    assert headers["traceparent"] == "00-a-b-01"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["forwarded"] == "for=127.0.0.1;proto=http"
    platforms = ("x-wakeful", "x-envoy", "knative-serving", "k-network")
    assert not [name for name in headers if name.startswith(platforms)]
    probe = namespace.ask("plain", headers={"K-Network-Probe": "queue"})
    assert (probe.status, probe.text) == (400, 'unexpected probe header value: "queue"')


def test_a_callers_own_forwarded_header_stays(namespace: Namespace) -> None:
    headers = info(namespace, "plain", Forwarded="for=1.2.3.4")["headers"]
    assert headers["forwarded"] == "for=1.2.3.4"


def test_requests_are_logged_while_somebody_wants_it(namespace: Namespace) -> None:
    template = '{"seen": "{{.Revision.Service}} {{.Request.RequestURI}} {{.Response.Code}}"}'
    line = '{"seen":"plain /log-this 200"}\n'

    def is_logged() -> bool:
        namespace.ask("plain", "/log-this", headers={"Connection": "close"})
        shown = namespace.platform.wakeful(
            *("logs", "ksvc/plain", "--requests", "--namespace", namespace.name)
        )
        return line in shown.out

    values = {"logging.enable-request-log": "true", "logging.request-log-template": template}
    refused = {**values, "logging.request-log-template": "{{range .Request}}{{end}}"}
    answer = namespace.platform.configure("config-observability", refused, check=False)
    assert "only single fields" in answer.err
    with namespace.platform.configured("config-observability", values):
        until(is_logged, what="a line for the request")
    (pod, *_) = namespace.pods("plain")
    path = f"/api/v1/namespaces/{namespace.name}/pods/{pod['metadata']['name']}/log"
    assert line in namespace.kubectl("get", "--raw", f"{path}?container=queue-proxy").out


def test_standard_input_is_at_its_end(namespace: Namespace) -> None:
    assert info(namespace, "plain")["stdin"] == ""


def test_files_every_program_may_expect(namespace: Namespace) -> None:
    for path in ("full", "null", "random", "tty", "urandom", "zero"):
        assert look(namespace, "plain", f"/dev/{path}")["mode"].startswith("0o20"), path
    assert look(namespace, "plain", "/dev/ptmx").get("mode")
    assert look(namespace, "plain", "/dev/fd")["link"] == "/proc/self/fd"
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        assert look(namespace, "plain", f"/dev/{name}")["link"] == f"/proc/self/fd/{number}"
        assert "mode" in look(namespace, "plain", f"/proc/self/fd/{number}")
    assert look(namespace, "plain", "/tmp")["mode"].endswith("777")
    assert look(namespace, "plain", "/etc/resolv.conf")["mode"] == "0o100644"
    assert "error" in look(namespace, "plain", "/dev/console")
    tried = look(namespace, "plain", "/proc/sys/kernel/hostname", method="POST", body=b"x")
    assert tried["error"] in ("OSError", "PermissionError")


def test_volumes_hold_what_they_should(namespace: Namespace) -> None:
    def content(path: str) -> str:
        return str(look(namespace, "files", path).get("content"))

    assert content("/etc/from-config/file.txt") == "from the map"
    assert content("/etc/from-secret/file.txt") == "from the secret"
    assert content("/etc/picked/deep/er.txt") == "from the map"
    assert (
        look(namespace, "files", "/etc/picked")["entries"] == ["..data", "deep"]
        or "deep" in (look(namespace, "files", "/etc/picked")["entries"])
    )
    # Of overlapping sources the last wins.
    assert content("/etc/both/shared") == "secret"
    assert content("/etc/both/COLOR") == "blue"
    assert content("/etc/both/name") == namespace.name
    assert content("/var/run/tokens/token").count(".") == 2
    for path in ("/etc/from-config/new", "/etc/both/new"):
        assert "error" in look(namespace, "files", path, method="POST", body=b"x")
    for path in ("/scratch/new", "/in-memory/new"):
        assert look(namespace, "files", path, method="POST", body=b"kept")["content"] == "kept"


def test_volumes_follow_their_source(namespace: Namespace) -> None:
    """An instance that runs sees a changed map, as with a kubelet, only sooner."""
    patch = '{"data": {"late.txt": "added"}}'
    namespace.kubectl("patch", "configmap", "settings", "--type=merge", "-p", patch)
    until(
        lambda: look(namespace, "files", "/etc/from-config/late.txt").get("content") == "added",
    )


def test_command_arguments_and_working_directory(namespace: Namespace) -> None:
    seen = info(namespace, "own-command")
    assert seen["args"] == ["--flag", "me", "$(WHO)"]
    assert seen["cwd"] == "/made/for/this"


def test_user_and_group_are_as_asked(namespace: Namespace) -> None:
    seen = info(namespace, "as-user")
    assert (seen["uid"], seen["gid"]) == (65532, 65533)
    assert seen["no_new_privs"] == "1"
    assert int(seen["caps"], 16) == 0


def test_memory_beyond_the_limit_gets_no_answer(namespace: Namespace) -> None:
    """100 and 200 MB are fine, 500 are not; afterwards it serves again."""
    assert namespace.ask("limited", "/allocate?mb=100").text == "100\n"
    assert namespace.ask("limited", "/allocate?mb=200").text == "200\n"
    assert namespace.ask("limited", "/allocate?mb=500").status != 200
    until(lambda: namespace.ask("limited").status == 200)


def test_containers_meet_on_localhost(namespace: Namespace) -> None:
    answer = namespace.ask("pair", "/call?host=127.0.0.1&port=8882").json()
    assert answer == {"status": 200, "body": "Hello sidecar!\n"}
    inside = namespace.ask("pair", "/call?host=localhost&port=8882&to=%2Finfo").json()
    assert '"K_SERVICE": "pair"' in inside["body"]
    assert namespace.ask("pair", "/info").json()["env"]["PORT"] == "8881"
    pod = namespace.pods("pair")[0]["metadata"]["name"]
    for name in ("user-container-0", "side"):
        assert "listening" in namespace.kubectl("logs", pod, "-c", name).out


def test_names_of_containers_and_pods_are_the_books(namespace: Namespace) -> None:
    pod = namespace.pods("plain")[0]
    assert pod["metadata"]["name"].startswith("plain-00001-deployment-")
    assert "user-container" in [c["name"] for c in pod["spec"]["containers"]]
    logs = namespace.kubectl(
        "logs", "-l", "serving.knative.dev/service=plain", "-c", "user-container"
    )
    assert "listening" in logs.out


def test_the_api_answers_where_programs_look_for_it(namespace: Namespace) -> None:
    """By its name and usual port, with the token and the authority that are mounted."""
    namespace.ask("plain")
    pod = namespace.pods("plain")[0]["metadata"]["name"]
    mounted = "/var/run/secrets/kubernetes.io/serviceaccount"
    asked = (
        f'curl -sS --cacert {mounted}/ca.crt -H "Authorization: Bearer $(cat {mounted}/token)"'
        f" https://kubernetes.default.svc/api/v1/namespaces/$(cat {mounted}/namespace)/secrets"
    )

    def told() -> str:
        done = namespace.kubectl("exec", pod, "--", "/bin/sh", "-c", asked, check=False)
        return done.out

    who = f"system:serviceaccount:{namespace.name}:default"
    until(lambda: f'User \\"{who}\\" cannot list resource' in told())
