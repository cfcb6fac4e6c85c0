"""A small kubectl for pods: apply, create, replace, get, delete, patch and wait.

It speaks to the API server with the token of the pod's service account, like the real one, and is
held to what that account may do. What it cannot do it says; install kubectl on this machine for
everything else. YAML is read by the server.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Dict, List, NoReturn, Optional, Sequence, Tuple

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
MANAGER = "kubectl"
BOOLEANS = frozenset(
    ("all-namespaces", "A", "ignore-not-found", "force", "now", "all", "overwrite")
)
COMMANDS = ("apply", "create", "replace", "get", "delete", "patch", "wait", "version")


class CommandError(Exception):
    """Something to tell the user, who then gets exit code 1."""


class Api:
    """The API server, as it is reached from inside of a pod."""

    def __init__(self) -> None:
        host = os.environ.get("KUBERNETES_SERVICE_HOST", "")
        port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise CommandError(
                "there is no API server to speak to: KUBERNETES_SERVICE_HOST is not set"
            )
        self.base = "https://%s:%s" % (host, port)
        try:
            with open(ACCOUNT + "/token") as file:
                self.token = file.read().strip()
        except OSError:
            raise CommandError("this pod has no service account token") from None
        self.context = ssl.create_default_context(cafile=ACCOUNT + "/ca.crt")
        self.kinds: Dict[Tuple[str, str], Dict[str, Any]] = {}

    def call(
        self,
        method: str,
        path: str,
        body: Optional[bytes] = None,
        content_type: str = "application/json",
        query: Optional[Dict[str, str]] = None,
    ) -> Any:
        """Send one request and return what the server answers."""
        url = self.base + path + ("?" + urllib.parse.urlencode(query) if query else "")
        request = urllib.request.Request(url, data=body, method=method)
        request.add_header("Authorization", "Bearer " + self.token)
        request.add_header("Accept", "application/json")
        if body is not None:
            request.add_header("Content-Type", content_type)
        try:
            with urllib.request.urlopen(request, context=self.context) as answer:
                return json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            raise from_server(error) from None
        except (OSError, ValueError) as error:
            raise CommandError("%s: %s" % (self.base, error)) from None

    def resources(self) -> List[Dict[str, Any]]:
        """Every resource that the server has."""
        found = []
        versions = ["/api/v1"]
        for group in self.call("GET", "/apis").get("groups", []):
            preferred = group["preferredVersion"]["groupVersion"]
            versions.append("/apis/" + preferred)
        for path in versions:
            listed = self.call("GET", path).get("resources", [])
            found += [{**item, "path": path} for item in listed if "/" not in item["name"]]
        return found

    def by_name(self, text: str) -> Dict[str, Any]:
        """The resource that people call ``text``: ``ksvc``, ``services.serving.knative.dev``."""
        name, _, group = text.lower().partition(".")
        for resource in self.resources():
            names = [resource["name"], resource["singularName"], resource["kind"].lower()]
            owner = resource["path"][6:].split("/")[0] if "/apis/" in resource["path"] else ""
            if name in names + resource.get("shortNames", []) and (not group or group == owner):
                return resource
        raise CommandError('the server doesn\'t have a resource type "%s"' % text)

    def by_kind(self, api_version: str, kind: str) -> Dict[str, Any]:
        """The resource of an object."""
        key = (api_version, kind)
        if key not in self.kinds:
            path = "/apis/" + api_version if "/" in api_version else "/api/" + api_version
            for resource in self.call("GET", path).get("resources", []):
                if resource["kind"] == kind and "/" not in resource["name"]:
                    self.kinds[key] = {**resource, "path": path}
                    break
            else:
                raise CommandError('no matches for kind "%s" in version "%s"' % (kind, api_version))
        return self.kinds[key]


class NotFoundError(CommandError):
    """No such object."""


def from_server(error: urllib.error.HTTPError) -> CommandError:
    """What the server said, in kubectl's words."""
    try:
        status = json.loads(error.read())
        text = "Error from server (%s): %s" % (status.get("reason", ""), status.get("message", ""))
    except ValueError:
        text = "Error from server: %s" % error
    return NotFoundError(text) if error.code == 404 else CommandError(text)


def path_of(resource: Dict[str, Any], namespace: str, name: str = "") -> str:
    """Where objects of a resource, or one of them, are."""
    path = str(resource["path"])
    if resource["namespaced"] and namespace:
        path += "/namespaces/" + urllib.parse.quote(namespace, safe="")
    path += "/" + str(resource["name"])
    return path + "/" + urllib.parse.quote(name, safe="") if name else path


def title(resource: Dict[str, Any], name: str) -> str:
    """How kubectl names an object."""
    group = resource["path"][6:].split("/")[0] if resource["path"].startswith("/apis/") else ""
    single = resource["singularName"] or resource["kind"].lower()
    return "%s%s/%s" % (single, "." + group if group else "", name)


def read_documents(files: Sequence[str]) -> List[str]:
    """The documents of files, directories and the standard input."""
    texts = []
    for file in files:
        if file == "-":
            texts.append(sys.stdin.read())
        elif file.startswith(("http://", "https://")):
            with urllib.request.urlopen(file) as answer:
                texts.append(answer.read().decode())
        elif os.path.isdir(file):
            names = sorted(n for n in os.listdir(file) if n.endswith((".yaml", ".yml", ".json")))
            texts += read_documents([os.path.join(file, name) for name in names])
        else:
            try:
                with open(file) as opened:
                    texts.append(opened.read())
            except OSError as error:
                raise CommandError(
                    'error: the path "%s" cannot be read: %s' % (file, error)
                ) from None
    found = [part for text in texts for part in re.split(r"(?m)^---(?:\s.*)?$", text)]
    return [part for part in found if re.search(r"(?m)^\s*[^\s#]", part)]


TOP = re.compile(r"""(?m)^["']?(apiVersion|kind)["']?\s*:\s*["']?([^\s"'#]+)""")
METADATA = re.compile(r"(?m)^metadata\s*:(?P<flow>.*)\n(?P<body>(?:[ \t]+.*\n?|\s*\n|#.*\n?)*)")
FIELD = re.compile(
    r"""^(?P<indent>[ \t]+)["']?(name|namespace|generateName)["']?\s*:\s*["']?([^\s"'#]+)"""
)


def identify(text: str) -> Dict[str, str]:
    """Read kind, version, name and namespace of a document; the rest is the server's to read."""
    if text.lstrip().startswith("{"):
        wire = json.loads(text)
        meta = wire.get("metadata", {})
        return {
            "apiVersion": wire.get("apiVersion", ""),
            "kind": wire.get("kind", ""),
            "name": meta.get("name", ""),
            "namespace": meta.get("namespace", ""),
        }
    found = {"apiVersion": "", "kind": "", "name": "", "namespace": ""}
    for key, value in TOP.findall(text):
        found[key] = found[key] or value
    block = METADATA.search(text + "\n")
    if block is not None:
        flow = re.findall(r"(name|namespace)\s*:\s*[\"']?([^\s\"',}]+)", block["flow"])
        found.update(dict(flow))
        indent = ""
        for line in block["body"].splitlines():
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            indent = indent or line[: len(line) - len(line.lstrip())]
            match = FIELD.match(line)
            if match is not None and match["indent"] == indent:
                found[match[2]] = match[3]
    return found


def apply(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Server-side apply of each document."""
    for text in documents(options):
        about = identify(text)
        if not about["name"]:
            raise CommandError("error: an object without metadata.name cannot be applied")
        resource = api.by_kind(about["apiVersion"], about["kind"])
        path = path_of(resource, about["namespace"] or namespace(options), about["name"])
        before = version_of(api, path)
        query = {"fieldManager": MANAGER, "force": "true"}
        done = api.call("PATCH", path, text.encode(), "application/apply-patch+yaml", query)
        after = done["metadata"]["resourceVersion"]
        verb = "created" if not before else "unchanged" if before == after else "configured"
        print("%s %s" % (title(resource, about["name"]), verb))


def version_of(api: Api, path: str) -> str:
    """The resource version of what is there; "" when nothing is."""
    try:
        return str(api.call("GET", path)["metadata"]["resourceVersion"])
    except NotFoundError:
        return ""


def create(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Create each document."""
    for text in documents(options):
        about = identify(text)
        resource = api.by_kind(about["apiVersion"], about["kind"])
        path = path_of(resource, about["namespace"] or namespace(options))
        done = api.call("POST", path, text.encode(), "application/yaml")
        print("%s created" % title(resource, done["metadata"]["name"]))


def replace(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Replace what each document names."""
    for text in documents(options):
        about = identify(text)
        resource = api.by_kind(about["apiVersion"], about["kind"])
        path = path_of(resource, about["namespace"] or namespace(options), about["name"])
        api.call("PUT", path, text.encode(), "application/yaml")
        print("%s replaced" % title(resource, about["name"]))


def get(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Show objects: their names, or JSON."""
    output = one(options, "output")
    for resource, name in targets(api, words):
        space = "" if "all-namespaces" in options else namespace(options)
        query = {"labelSelector": one(options, "selector")} if "selector" in options else None
        found = api.call("GET", path_of(resource, space, name), query=query)
        if output == "json":
            print(json.dumps(found, indent=4))
        elif output.startswith("jsonpath="):
            print(jsonpath(found, output[len("jsonpath=") :]), end="")
        elif output in ("", "name"):
            for item in found.get("items", [found]):
                print(title(resource, item["metadata"]["name"]))
        else:
            raise CommandError(
                "error: -o %s is not known here; there are name, json, jsonpath" % output
            )


def delete(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Delete what documents or words name."""
    wanted = []
    if "filename" in options:
        for text in documents(options):
            about = identify(text)
            space = about["namespace"] or namespace(options)
            wanted.append((api.by_kind(about["apiVersion"], about["kind"]), space, about["name"]))
    else:
        wanted = [(resource, namespace(options), name) for resource, name in targets(api, words)]
    for resource, space, name in wanted:
        if not name:
            raise CommandError("error: resource(s) were provided, but no name was specified")
        try:
            api.call("DELETE", path_of(resource, space, name))
        except NotFoundError:
            if "ignore-not-found" not in options:
                raise
        else:
            print('%s "%s" deleted' % (title(resource, name).split("/")[0], name))


def patch(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Patch one object."""
    kinds = {"strategic": "strategic-merge-patch", "merge": "merge-patch", "json": "json-patch"}
    kind = one(options, "type") or "strategic"
    if kind not in kinds:
        raise CommandError("error: --type must be one of %s" % ", ".join(kinds))
    for resource, name in targets(api, words):
        path = path_of(resource, namespace(options), name)
        body = one(options, "patch").encode()
        api.call("PATCH", path, body, "application/%s+json" % kinds[kind])
        print("%s patched" % title(resource, name))


def wait(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Wait for a condition, or for the end of objects."""
    goal = one(options, "for")
    seconds = duration(one(options, "timeout") or "30s")
    for resource, name in targets(api, words):
        deadline = time.monotonic() + seconds
        while not is_reached(api, path_of(resource, namespace(options), name), goal):
            if time.monotonic() > deadline:
                what = title(resource, name)
                raise CommandError("error: timed out waiting for the condition on %s" % what)
            time.sleep(0.5)
        print("%s condition met" % title(resource, name))


def is_reached(api: Api, path: str, goal: str) -> bool:
    """Whether an object is as ``--for`` wants it."""
    try:
        found = api.call("GET", path)
    except NotFoundError:
        if goal == "delete":
            return True
        raise
    kind, _, text = goal.partition("=")
    if kind != "condition":
        if goal == "delete":
            return False
        raise CommandError(
            "error: --for=%s is not known here; there are condition and delete" % goal
        )
    name, _, wanted = text.partition("=")
    for condition in found.get("status", {}).get("conditions", []):
        if condition["type"].lower() == name.lower():
            return str(condition["status"]).lower() == (wanted or "true").lower()
    return False


def version(api: Api, options: Dict[str, List[str]], words: Sequence[str]) -> None:
    """Show the server's version."""
    print("Server Version: %s" % api.call("GET", "/version").get("gitVersion", ""))


def documents(options: Dict[str, List[str]]) -> List[str]:
    """What ``-f`` names; it must be given."""
    if "filename" not in options:
        raise CommandError("error: must specify -f FILENAME")
    return read_documents(options["filename"])


def targets(api: Api, words: Sequence[str]) -> List[Tuple[Dict[str, Any], str]]:
    """Resources and names of ``TYPE NAME…`` or ``TYPE/NAME…``."""
    if not words:
        raise CommandError("error: you must specify the type of resource")
    if "/" in words[0]:
        pairs = [word.partition("/") for word in words]
        return [(api.by_name(kind), name) for kind, _, name in pairs]
    resource = api.by_name(words[0])
    return [(resource, name) for name in words[1:]] or [(resource, "")]


def namespace(options: Dict[str, List[str]]) -> str:
    """The one that was given, else the pod's own."""
    given = one(options, "namespace")
    if given:
        return given
    try:
        with open(ACCOUNT + "/namespace") as file:
            return file.read().strip()
    except OSError:
        return "default"


def one(options: Dict[str, List[str]], name: str) -> str:
    """The last value of a flag; "" without it."""
    return options.get(name, [""])[-1]


def duration(text: str) -> float:
    """Seconds of ``90s``, ``2m``, ``1h``."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", text)
    if match is None:
        raise CommandError('invalid argument "%s" for "--timeout" flag' % text)
    return float(match[1]) * {"ms": 0.001, "s": 1, "": 1, "m": 60, "h": 3600}[match[2]]


def jsonpath(found: Any, template: str) -> str:
    """Evaluate ``{.a.b[0].c}``; nothing more."""
    path = template.strip("{}").lstrip(".$")
    for part in re.findall(r"[^.\[\]]+", path):
        found = found[int(part)] if isinstance(found, list) else (found or {}).get(part)
    return found if isinstance(found, str) else json.dumps(found) if found is not None else ""


SHORT = {
    "f": "filename",
    "n": "namespace",
    "o": "output",
    "l": "selector",
    "p": "patch",
    "A": "all-namespaces",
}


def parse(argv: Sequence[str]) -> Tuple[List[str], Dict[str, List[str]]]:
    """Split the command line into words and flags."""
    words: List[str] = []
    options: Dict[str, List[str]] = {}
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word == "-":
            words.append(word)
            continue
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
        else:
            name, equals, value = word[1:2], word[2:], word[2:].lstrip("=")
        name = SHORT.get(name, name)
        if not equals and name not in BOOLEANS and rest:
            value = rest.pop(0)
        options.setdefault(name, []).append(value)
    return words, options


def main(argv: Sequence[str]) -> int:
    """Run with the command line's words; return the exit code."""
    words, options = parse(argv)
    if not words or words[0] not in COMMANDS:
        fail("kubectl is not installed on this machine; its stand-in knows " + ", ".join(COMMANDS))
    try:
        globals()[words[0]](Api(), options, words[1:])
    except CommandError as error:
        fail(str(error))
    return 0


def fail(text: str) -> NoReturn:
    """End with an explanation."""
    sys.stderr.write(text + "\n")
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
