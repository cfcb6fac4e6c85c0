"""Events of every version through a Broker: accepted or refused, filtered, transformed, run."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from wakeful.cloudevents import Event, Mode, to_http
from wakeful.testing.platform import until
from wakeful.testing.services import AWAKE, Namespace

pytestmark = pytest.mark.usefixtures("unhurried")

DISPLAY = "gcr.io/knative-releases/knative.dev/eventing/cmd/event_display:latest"
EVENTING, SERVING = "eventing.knative.dev/v1", "serving.knative.dev/v1"


@dataclass(frozen=True)
class Post:
    """One request to the Broker, and what is to come of it."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    method: str = "POST"
    path: str = ""
    status: int = 202
    fault: str = ""

    def command(self, broker: str) -> str:
        """The curl command that prints name, status and answer on one line."""
        words = ["curl", "-sS", "-m", "20", "-X", self.method, "-w", r"\t%{http_code}\n"]
        for name, value in self.headers.items():
            words += ["-H", f"{name}: {value}" if value else f"{name};"]
        if self.body:
            words += ["--data-binary", self.body.decode()]
        return f"printf '%s\\t' {self.name}; " + shlex.join([*words, broker + self.path])


def send(where: Namespace, posts: list[Post], broker: str = "default") -> None:
    """Have a pod of the namespace send all of them, and compare the answers."""
    url = f"http://broker-ingress.knative-eventing.svc.cluster.local/{where.name}/{broker}"
    script = "\n".join(post.command(url) for post in posts)
    lines = where.kubectl("exec", "-i", "caller", "--", "sh", stdin=script).out.splitlines()
    answers = {line.split("\t")[0]: line.split("\t")[1:] for line in lines if "\t" in line}
    for post in posts:
        text, status = answers[post.name]
        assert (post.name, int(status)) == (post.name, post.status), text
        assert post.fault in text


def printed(where: Namespace, service: str) -> list[str]:
    selector = f"serving.knative.dev/service={service}"
    logs = where.kubectl("logs", "-l", selector, "-c", "user-container", "--tail=-1", check=False)
    return logs.out.split("☁️  cloudevents.Event\n")[1:]


def wait_for(where: Namespace, service: str, *texts: str) -> str:
    def found() -> str:
        events = printed(where, service)
        return next((e for e in events if all(text in e for text in texts)), "")

    event: str = until(found, what=f"an event with {texts} at {service}")
    return event


def display(name: str) -> dict[str, Any]:
    template = {
        "metadata": {"annotations": AWAKE},
        "spec": {"containers": [{"image": DISPLAY}]},
    }
    return {
        "apiVersion": SERVING,
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def trigger(name: str, spec: Mapping[str, Any], kind: str, target: str, version: str) -> Any:
    ref = {"apiVersion": version, "kind": kind, "name": target}
    return {
        "apiVersion": EVENTING,
        "kind": "Trigger",
        "metadata": {"name": name},
        "spec": {"broker": "default", **spec, "subscriber": {"ref": ref}},
    }


@pytest.fixture(scope="module")
def broker(namespace: Namespace) -> Iterator[Namespace]:
    """A Broker, displays behind Triggers, and a pod to send from."""
    namespace.apply(
        {"apiVersion": EVENTING, "kind": "Broker", "metadata": {"name": "default"}},
        display("all"),
        display("few"),
        trigger("all", {}, "Service", "all", SERVING),
        trigger(
            "few",
            {"filters": [{"cesql": "type LIKE 'com.%' AND EXISTS size AND size > 3"}]},
            "Service",
            "few",
            SERVING,
        ),
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "caller"},
            "spec": {
                "containers": [{"name": "main", "image": "busybox", "command": ["sleep", "3600"]}]
            },
        },
    )
    waits = ("broker/default", "trigger/all", "trigger/few", "pod/caller", "ksvc/all", "ksvc/few")
    namespace.kubectl("wait", *waits, "--for=condition=Ready", "--timeout=100s")
    yield namespace
    namespace.kubectl("delete", "pod/caller", "--wait=false", "--grace-period=0")


EVENTS = {
    version: Event(
        specversion=version,
        id=f"id-{version}",
        source="/sensors/1",
        type="com.example.measured",
        time="2019-08-22T01:42:03.236259557Z",
        datacontenttype="application/json",
        extensions={"stage": "outer space"},
        data=b'{"value":1.50,"unit":"\xc2\xb0C"}',
    )
    for version in ("0.1", "0.2", "0.3", "1.0")
}


def test_every_version_in_both_modes(broker: Namespace) -> None:
    """What the subscriber gets is what was sent: version, attributes, and the data's bytes."""
    posts = [
        Post(f"{version}-{mode}", *to_http(event, mode))
        for version, event in EVENTS.items()
        for mode in (Mode.BINARY, Mode.STRUCTURED)
    ]
    send(broker, posts)
    for version in EVENTS:
        # Both arrive; the display cannot tell them apart, so wait for the second one.
        until(
            lambda version=version: (
                sum(f"id-{version}\n" in e for e in printed(broker, "all")) >= 2
            ),
            what=f"two events of version {version}",
        )
        event = wait_for(broker, "all", f"id-{version}\n")
        spec, kind = (
            ("specversion", "type")
            if version != "0.1"
            else (
                "cloudEventsVersion",
                "eventType",
            )
        )
        assert f"  {spec}: {version}\n  {kind}: com.example.measured\n" in event
        assert "2019-08-22T01:42:03.236259557Z" in event
        assert "  stage: outer space\n" in event
        assert "knativearrivaltime: " in event
        assert "knativebrokerttl" not in event
        assert 'Data,\n  {\n    "value": 1.50,\n    "unit": "°C"\n  }\n' in event


REQUIRED = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/", "ce-type": "t"}
STRUCTURED = {"content-type": "application/cloudevents+json"}
REFUSED = [
    Post("version", REQUIRED | {"ce-specversion": "9000.1"}, status=400, fault="9000.1"),
    Post("nothing", {}, b"{}", status=400, fault="ce-specversion is missing"),
    Post("id", REQUIRED | {"ce-id": ""}, status=400, fault="id: MUST be a non-empty string"),
    Post(
        "source", REQUIRED | {"ce-source": "a b"}, status=400, fault="source: MUST be a valid URI"
    ),
    Post("time", REQUIRED | {"ce-time": "noon"}, status=400, fault="RFC 3339"),
    Post("name", REQUIRED | {"ce-a_b": "x"}, status=400, fault="a_b: an attribute name MUST"),
    Post("utf8", REQUIRED | {"ce-subject": "%C0%A0"}, status=400, fault="valid UTF-8"),
    Post("json", STRUCTURED, b'{"specversion":', status=400, fault="body: is not valid JSON"),
    Post(
        "type", STRUCTURED, b'{"specversion":"1.0","id":1}', status=400, fault="id: MUST be a JSON"
    ),
    Post("avro", {"content-type": "application/cloudevents+avro"}, b"x", status=400, fault="avro"),
    Post(
        "batch",
        {"content-type": "application/cloudevents-batch+json"},
        b"[]",
        status=400,
        fault="batch",
    ),
    Post("broker", REQUIRED, path="x", status=404, fault="does not exist"),
    Post("path", REQUIRED, path="/x", status=400, fault="/namespace/name"),
    Post("get", method="GET", status=405),
    Post("options", method="OPTIONS", status=200),
]


def test_what_is_no_event_is_refused_with_the_fault(broker: Namespace) -> None:
    send(broker, REFUSED)


def test_filters_in_cesql(broker: Namespace) -> None:
    posts = [
        Post(name, *to_http(Event(id=f"size-{name}", source="/s", type=kind, extensions=more)))
        for name, kind, more in (
            ("large", "com.example.x", {"size": 4}),
            ("small", "com.example.x", {"size": 3}),
            ("other", "org.example.x", {"size": 9}),
            ("without", "com.example.x", {}),
            ("last", "com.example.last", {"size": 10}),
        )
    ]
    send(broker, posts)
    wait_for(broker, "few", "size-last")
    wait_for(broker, "few", "size-large")
    seen = re.findall(r"  id: (size-\w+)", "".join(printed(broker, "few")))
    assert sorted(set(seen)) == ["size-large", "size-last"]
    bad = trigger("bad", {"filters": [{"cesql": "type = "}]}, "Service", "few", SERVING)
    refused = broker.apply(bad, check=False)
    assert "invalid value: type = : spec.filters[0].cesql" in refused.err
    assert "ends too early at position 8" in refused.err


def test_events_are_transformed_and_become_jobs(broker: Namespace) -> None:
    """A transformation answers into the Broker; a Job finds its event as a file."""
    expression = """{
      "specversion": "1.0", "id": id & "-total", "source": source, "type": "com.example.total",
      "datacontenttype": "application/json", "data": {"total": $sum(data.items.price)}
    }"""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", "cat $K_EVENT_PATH/event"],
    }
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    orders = {"filter": {"attributes": {"type": "com.example.order"}}}
    alpha, sinks = "eventing.knative.dev/v1alpha1", "sinks.knative.dev/v1alpha1"
    broker.apply(
        {
            "apiVersion": alpha,
            "kind": "EventTransform",
            "metadata": {"name": "totals"},
            "spec": {"jsonata": {"expression": expression}},
        },
        {
            "apiVersion": sinks,
            "kind": "JobSink",
            "metadata": {"name": "worker"},
            "spec": {"job": {"spec": {"template": template}}},
        },
        trigger("totals", orders, "EventTransform", "totals", alpha),
        trigger("jobs", orders, "JobSink", "worker", sinks),
    )
    waits = ("eventtransform/totals", "jobsink/worker", "trigger/totals", "trigger/jobs")
    broker.kubectl("wait", *waits, "--for=condition=Ready", "--timeout=100s")
    order = Event(
        id="order-1",
        source="/shop",
        type="com.example.order",
        datacontenttype="application/json",
        data=b'{"items":[{"price":1.5},{"price":2}]}',
    )
    send(broker, [Post("order", *to_http(order))])
    event = wait_for(broker, "all", "id: order-1-total")
    assert "  type: com.example.total\n  source: /shop\n" in event
    assert '"total": 3.5' in event

    selector = ("-l", "sinks.knative.dev/job-sink-name=worker")
    until(lambda: broker.get("jobs", *selector)["items"], what="a Job")
    broker.kubectl("wait", "job", *selector, "--for=condition=Complete", "--timeout=100s")
    (job,) = broker.get("jobs", *selector)["items"]
    found = json.loads(broker.kubectl("logs", f"job/{job['metadata']['name']}").out)
    assert (found["id"], found["data"]) == ("order-1", {"items": [{"price": 1.5}, {"price": 2}]})
    broken = {
        "apiVersion": alpha,
        "kind": "EventTransform",
        "metadata": {"name": "broken"},
        "spec": {"jsonata": {"expression": "1 +"}},
    }
    assert "spec.jsonata.expression" in broker.apply(broken, check=False).err
