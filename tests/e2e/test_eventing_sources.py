"""Event sources of a running platform: the book's, today's, and GitHub's webhooks."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from wakeful.testing.github import FakeGitHub
from wakeful.testing.platform import Platform, until
from wakeful.testing.services import AWAKE, Namespace

pytestmark = pytest.mark.usefixtures("unhurried")

BOOK = Path(__file__).parent / "book"
DISPLAY = "registry.cn-hangzhou.aliyuncs.com/knative-sample/event-display:1028"
TODAY = "sources.knative.dev/v1"
HEARTBEATS = "gcr.io/knative-releases/knative.dev/eventing/cmd/heartbeats"


def display(name: str = "event-display", image: str = DISPLAY) -> dict[str, Any]:
    """A Service that prints events and stays awake."""
    template = {
        "metadata": {"annotations": AWAKE},
        "spec": {"containers": [{"image": image}]},
    }
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def sink(name: str = "event-display") -> dict[str, Any]:
    ref = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": name}
    return {"sink": {"ref": ref}}


def source(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": TODAY, "kind": kind, "metadata": {"name": name}, "spec": spec}


def printed(where: Namespace, service: str = "event-display") -> list[str]:
    """The events a display has printed, each as one text."""
    selector = f"serving.knative.dev/service={service}"
    logs = where.kubectl("logs", "-l", selector, "-c", "user-container", "--tail=-1", check=False)
    return logs.out.split("CloudEvent: valid")[1:]


def wait_for(where: Namespace, *texts: str, service: str = "event-display") -> str:
    """Wait until an event with all of these texts was printed, and return it."""

    def found() -> str:
        events = printed(where, service)
        return next((e for e in events if all(text in e for text in texts)), "")

    event: str = until(found, what=f"an event with {texts}")
    return event


@pytest.fixture(scope="module")
def shown(namespace: Namespace) -> Namespace:
    """A namespace with a display in it."""
    namespace.apply(display())
    namespace.ready("event-display")
    return namespace


@pytest.fixture(scope="module")
def default(platform: Platform) -> Namespace:
    return Namespace(platform, "default")


def apply(where: Namespace, listing: str, **replaced: str) -> None:
    text = (BOOK / listing).read_text()
    for old, new in replaced.items():
        text = text.replace(old, new)
    where.kubectl("apply", "-f", "-", stdin=text)


def test_hello_world_of_the_book(platform: Platform, default: Namespace) -> None:
    """What happens to a pod becomes events, goes through the Broker, and is printed."""
    apply(default, "events-serviceaccount.yaml")
    apply(default, "k8s-events.yaml")
    template = (BOOK / "event-display.yaml").read_text()
    text = template.replace("{yourrepo}/{yournamespace}/event-display:latest", DISPLAY)
    default.kubectl("apply", "-f", "-", stdin=text)
    platform.kubectl("label", "namespace", "default", "knative-eventing-injection=enabled")
    try:
        apply(default, "events-trigger.yaml")
        waits = (
            "broker/default",
            "trigger/testevents-trigger",
            "apiserversources.sources.eventing.knative.dev/testevents",
        )
        default.kubectl("wait", *waits, "--for=condition=Ready", "--timeout=100s")
        default.kubectl("run", "busybox", "--image=busybox", "--restart=Never", "--", "ls")
        event = wait_for(default, '"name": "busybox"', "apiserver.resource.add")
        default.kubectl("delete", "pod", "busybox", "--wait=false")
        assert re.search(r"Source: https://[\d.]+:\d+", event)
        assert "/apis/v1/namespaces/default/events/busybox." in event
        assert '"kind": "Event"' in event
        for verb in ("add", "update"):
            until(
                lambda verb=verb: (
                    f"dev.knative.apiserver.resource.{verb}"
                    in default.kubectl("get", "eventtypes").out
                )
            )
    finally:
        listings = ("k8s-events.yaml", "events-trigger.yaml", "events-serviceaccount.yaml")
        files = [part for name in listings for part in ("-f", str(BOOK / name))]
        default.kubectl("delete", *files, "--ignore-not-found", "--wait=false")
        platform.kubectl("label", "namespace", "default", "knative-eventing-injection-")
        default.kubectl(
            "delete", "broker/default", "ksvc/event-display", "--ignore-not-found", check=False
        )


def test_sources_on_a_schedule(shown: Namespace) -> None:
    """Today's with seconds, 2019's with an interval; both can be applied twice."""
    spec = {"schedule": "*/1 * * * * *", "data": '{"a": 1}', "contentType": "application/json"}
    overrides = {"ceOverrides": {"extensions": {"stage": "e2e"}}}
    ping = source("PingSource", "every-second", {**spec, **overrides, **sink()})
    flat = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "name": "event-display"}
    cron = {
        "apiVersion": "sources.eventing.knative.dev/v1alpha1",
        "kind": "CronJobSource",
        "metadata": {"name": "cronjob-source"},
        "spec": {"schedule": "@every 1s", "data": '{"message": "Hello world!"}', "sink": flat},
    }
    shown.apply(ping, cron)
    shown.apply(ping, cron)
    event = wait_for(shown, "dev.knative.sources.ping")
    assert f"/apis/v1/namespaces/{shown.name}/pingsources/every-second" in event
    assert "stage: e2e" in event
    event = wait_for(shown, "dev.knative.cronjob.event")
    assert f"/apis/v1/namespaces/{shown.name}/cronjobsources/cronjob-source" in event
    assert '"message": "Hello world!"' in event
    assert "SpecVersion: 0.3" in event
    table = shown.kubectl("get", "pingsources").out
    assert re.search(r"every-second\s+http://event-display\S+\s+\*/1 \* .*True", table)
    shown.kubectl("delete", "pingsource/every-second", "cronjobsource/cronjob-source")


def test_a_container_that_sends(shown: Namespace) -> None:
    """It is told of its sink before it starts, and goes with its source."""
    container = {"image": HEARTBEATS, "args": ["--period=1", "--label=it"]}
    spec = {"template": {"spec": {"containers": [container]}}, **sink()}
    shown.apply(source("ContainerSource", "beats", spec))
    waits = ("wait", "containersource.sources.knative.dev/beats", "--for=condition=Ready")
    shown.kubectl(*waits, "--timeout=100s")
    wait_for(shown, "dev.knative.eventing.samples.heartbeat", '"label": "it"')
    revisions = shown.get("replicasets", "-l", "eventing.knative.dev/sourceName=beats")["items"]
    assert len(revisions) == 1, "it was started twice"
    shown.kubectl("delete", "containersource.sources.knative.dev/beats")
    until(lambda: not shown.get("deploy", "-l", "eventing.knative.dev/sourceName=beats")["items"])


def test_a_binding_tells_a_deployment_and_makes_it_forget(shown: Namespace) -> None:
    """The Deployment is there before; its pods are replaced by ones that know where to send."""
    shown.kubectl("create", "deployment", "sender", f"--image={HEARTBEATS}")
    subject = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "sender"}
    shown.apply(source("SinkBinding", "tell", {"subject": subject, **sink()}))
    shown.kubectl("wait", "sinkbinding/tell", "--for=condition=Ready", "--timeout=100s")
    uri = f"http://event-display.{shown.name}.svc.cluster.local"

    def environment() -> dict[str, str]:
        pod = shown.get("deploy", "sender")["spec"]["template"]["spec"]
        return {e["name"]: e.get("value", "") for e in pod["containers"][0].get("env", [])}

    assert environment() == {"K_SINK": uri, "K_CE_OVERRIDES": ""}
    shown.kubectl("delete", "sinkbinding/tell")
    assert environment() == {}
    shown.kubectl("delete", "deployment", "sender")


def test_a_source_that_may_not_watch_says_so(shown: Namespace) -> None:
    resources = [{"apiVersion": "v1", "kind": "Secret"}]
    shown.apply(source("ApiServerSource", "nosy", {"resources": resources, **sink()}))

    def message() -> str:
        found = shown.get("apiserversource.sources.knative.dev", "nosy").get("status", {})
        conditions = {c["type"]: c for c in found.get("conditions", ())}
        text: str = conditions.get("SufficientPermissions", {}).get("message", "")
        return text

    text = until(message)
    assert text == (
        f"User system:serviceaccount:{shown.name}:default cannot get, list, watch resource"
        f' "secrets" in API group "" in Namespace "{shown.name}"'
    )
    shown.kubectl("delete", "apiserversource.sources.knative.dev/nosy")


def test_services_of_a_cloud_are_not_read(shown: Namespace) -> None:
    """The book's listing is taken, and its status says why nothing comes."""
    apply(shown, "mnsoss-source.yaml")

    def message() -> str:
        found = shown.get("mnsosssource", "mnsoss-face").get("status", {})
        conditions = {c["type"]: c for c in found.get("conditions", ())}
        text: str = conditions.get("Deployed", {}).get("message", "")
        return text

    assert "There is no adapter for Alibaba Cloud MNS" in until(message)
    shown.kubectl("delete", "mnsosssource", "mnsoss-face")


@contextmanager
def github() -> Iterator[tuple[FakeGitHub, asyncio.AbstractEventLoop]]:
    """A GitHub in a thread of its own."""
    loop, server = asyncio.new_event_loop(), FakeGitHub("personal_access_token_value")
    up, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with server.running():
            up.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert up.wait(60)
    try:
        yield server, loop
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


def test_the_books_github_source(shown: Namespace) -> None:
    """GitHub calls through the gateway; what it says is printed, and the webhook goes at last."""
    image = "registry.cn-shanghai.aliyuncs.com/knative-release/eventing-sources-event_display"
    shown.apply(display("github-event-display", f"{image}:latest"))
    apply(shown, "githubsecret.yaml")
    with github() as (server, loop):
        text = (BOOK / "github-source.yaml").read_text()
        text = text.replace("<YOUR USER>/<YOUR REPO>", "someuser/somerepo")
        text = text.replace("  sink:\n", f"  githubAPIURL: {server.url}\n  sink:\n")
        shown.kubectl("apply", "-f", "-", stdin=text)
        name = "githubsource.sources.eventing.knative.dev/githubsourcesample"
        waits = ("wait", name, "--for=condition=Ready", "--timeout=100s")
        shown.kubectl(*waits)
        (hook,) = server.hooks.values()
        until(lambda: hook.deliveries == [("ping", 202)])
        payload = {"action": "opened", "number": 1, "pull_request": {"number": 1}}
        happening = server.happen(hook, "pull_request", payload)
        assert asyncio.run_coroutine_threadsafe(happening, loop).result(30) == 202
        event = wait_for(
            shown, "dev.knative.source.github.pull_request", service="github-event-display"
        )
        assert "Source: https://github.com/someuser/somerepo" in event
        assert '"action": "opened"' in event
        shown.kubectl("delete", name)
        assert not server.hooks
