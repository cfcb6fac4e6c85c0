"""Brokers, the registry, Sequences and Parallels of a running platform: the book's and today's."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wakeful.testing.platform import Platform, until
from wakeful.testing.services import AWAKE, Namespace

pytestmark = pytest.mark.usefixtures("unhurried")

BOOK = Path(__file__).parent / "book"
DISPLAY = "gcr.io/knative-releases/knative.dev/eventing/cmd/event_display"
KSVC = "serving.knative.dev/v1"
V1 = "eventing.knative.dev/v1"
INGRESS = "http://broker-ingress.knative-eventing.svc.cluster.local"
MINUTE = 150
"""Seconds in which a schedule of every minute is due, and its event has surely passed."""


@pytest.fixture(scope="module")
def events(platform: Platform) -> Iterator[Namespace]:
    platform.kubectl("create", "namespace", "flows")
    try:
        yield Namespace(platform, "flows")
    finally:
        platform.kubectl("delete", "namespace", "flows", "--wait=false")


def listing(where: Namespace, name: str, **renamed: str) -> None:
    """Apply a listing of the book, in this namespace and with some names changed."""
    text = (BOOK / f"{name}.yaml").read_text().replace(".default.svc", f".{where.name}.svc")
    text = text.replace("namespace: default", f"namespace: {where.name}")
    for old, new in renamed.items():
        text = re.sub(rf"name: {old.replace('_', '-')}$", f"name: {new}", text, flags=re.M)
    where.kubectl("apply", "-f", "-", stdin=text)


def logs(where: Namespace, service: str) -> str:
    selector = f"serving.knative.dev/service={service}"
    found = where.kubectl("logs", "-l", selector, "-c", "user-container", "--tail=-1", check=False)
    return found.out


def printed(where: Namespace, service: str) -> list[str]:
    """The events a display has printed, each as one text."""
    return re.split(r"☁️", logs(where, service))[1:]


def wait_for(where: Namespace, service: str, *texts: str, seconds: float = 90) -> str:
    """Wait until an event with all of these texts was printed, and return it."""

    def found() -> str:
        have = printed(where, service)
        return next((event for event in have if all(text in event for text in texts)), "")

    event: str = until(found, seconds=seconds, what=f"{service} shows {texts}")
    return event


def ids(where: Namespace, service: str) -> set[str]:
    """The ids of the events a display has printed."""
    return set(re.findall(r"  id: (\S+)\n", logs(where, service)))


def send(where: Namespace, path: str, *events: dict[str, str], host: str = INGRESS) -> list[str]:
    """Post events from a pod, as a program in the cluster would; return the answers' codes."""
    commands: list[str] = []
    for event in events:
        headers = {"ce-specversion": "1.0", "ce-source": "test", "content-type": "text/plain"}
        headers |= {f"ce-{name}": value for name, value in event.items() if name != "data"}
        fields = [part for name, value in headers.items() for part in ("-H", f"{name}: {value}")]
        body = event.get("data", "hello")
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}\n", f"{host}{path}"]
        commands.append(shlex.join([*command, *fields, "-d", body]))
    script = "; ".join(commands)
    name = f"sender-{abs(hash(script)) % 10**9}"
    image = "--image=curlimages/curl"
    where.kubectl("run", name, image, "--restart=Never", "--command", "--", "sh", "-c", script)
    where.kubectl(
        "wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=100s"
    )
    return where.kubectl("logs", name).out.split()


def service(name: str) -> dict[str, Any]:
    template = {"metadata": {"annotations": AWAKE}, "spec": {"containers": [{"image": DISPLAY}]}}
    return {
        "apiVersion": KSVC,
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"template": template},
    }


def to(name: str) -> dict[str, Any]:
    return {"ref": {"apiVersion": KSVC, "kind": "Service", "name": name}}


def made(kind: str, name: str, spec: dict[str, Any], version: str = V1) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def ready(where: Namespace, *names: str) -> None:
    where.kubectl("wait", *names, "--for=condition=Ready", "--timeout=100s")


def test_the_book_s_sequences_and_parallel(events: Namespace) -> None:
    """All four Sequences and the Parallel, with one event of each CronJobSource."""
    for name in ("sequence-services", "sequence-display", "parallel-services"):
        listing(events, name)
    listing(events, "sequence-alone")
    listing(events, "sequence-reply")  # the second scenario is the first one with a reply
    listing(events, "sequence-cronjob")
    listing(events, "sequence-first")
    listing(events, "sequence-second")
    listing(events, "sequence-first-cronjob", cronjob_source="cronjob-first")
    events.kubectl("label", "namespace", events.name, "knative-eventing-injection=enabled")
    listing(events, "sequence-broker", sequence="sequence-of-broker")
    listing(events, "sequence-triggers", sequence="sequence-of-broker")
    listing(events, "sequence-broker-cronjob", cronjob_source="cronjob-broker")
    listing(events, "parallel")
    listing(events, "parallel-cronjob")
    ready(events, "sequences,parallels,triggers", "--all")
    ready(events, "broker/default", "cronjobsources.sources.eventing.knative.dev/cronjob-broker")

    handled = "Hello world! - Handled by 0 - Handled by 1 - Handled by 2"
    event = wait_for(events, "event-display", "/transformer/5", seconds=MINUTE)
    assert f"{handled} - Handled by 3 - Handled by 4 - Handled by 5" in event
    assert "Type: samples.http.mod3" in event
    event = wait_for(events, "event-display", "/transformer/2", "knativearrivaltime")
    assert f'"message": "{handled}"' in event

    def without_broker() -> str:
        found = [e for e in printed(events, "event-display") if "/transformer/2" in e]
        return next((e for e in found if "knativearrivaltime" not in e), "")

    assert f'"message": "{handled}"' in until(without_broker, what="the sequence's reply")
    assert "CloudEventsVersion: 0.1" in without_broker()
    first = logs(events, "first")
    assert "Got Data: &{Sequence:0 Message:Hello world!}" in first
    assert (
        f"knativehistory: sequence-kn-sequence-0-kn-channel.{events.name}.svc.cluster.local"
    ) in first

    event = wait_for(events, "me-event-display", "dev.knative.cronjob.event")
    assert re.search(r'"message": "(we are even|this is odd)!"', event)
    history = re.search(r"knativehistory: (.*)", event)
    assert history is not None
    hosts = [host.partition(".")[0] for host in history[1].split("; ")]
    branch = "0" if "we are even" in event else "1"
    assert hosts == [
        "me-odd-even-parallel-kn-parallel-kn-channel",
        f"me-odd-even-parallel-kn-parallel-{branch}-kn-channel",
    ]
    # The other branch let nothing pass, of no event that has come by now.
    own_id = re.compile(r"^\s*(?:event)?id: (\S+)", re.IGNORECASE | re.MULTILINE)
    found = [own_id.search(e) for e in printed(events, "me-event-display")]
    assert len({match[1] for match in found if match}) == len(found)
    events.kubectl("delete", "cronjobsources.sources.eventing.knative.dev", "--all")


def test_the_book_s_registry(events: Namespace) -> None:
    """Entries show what there is; they are ready when their Broker exists."""
    listing(events, "eventtypes")

    def table() -> str:
        out = events.kubectl("get", "eventtypes").out
        return out if re.search(r"org.bitbucket.repofork .*ResourceDoesNotExist", out) else ""

    shown = until(table, what="the registry's table")
    line = next(line for line in shown.splitlines() if line.startswith("com.github.pullrequest"))
    for text in ("com.github.pull_request", "github.com", "//github.com/schemas/", "default"):
        assert text in line
    old = events.get("eventtypes.v1alpha1.eventing.knative.dev", "com.github.pullrequest")
    assert old["spec"] == {
        "type": "com.github.pull_request",
        "source": "github.com",
        "schema": "//github.com/schemas/pull_request",
        "description": "GitHub pull request",
        "broker": "default",
    }


def test_triggers_choose_and_dead_letters_are_kept(events: Namespace) -> None:
    """Filters of every dialect, an order that is refused, and a sink for what nobody takes."""
    events.apply(service("all"), service("some"), service("dead"))
    delivery = {"retry": 0, "deadLetterSink": to("dead")}
    nobody = f"http://nobody.{events.name}.svc.cluster.local"
    filters = [{"any": [{"prefix": {"type": "order."}}, {"cesql": "EXISTS urgent"}]}]
    filters.append({"not": {"exact": {"source": "noise"}}})
    events.apply(
        made("Broker", "shop", {"delivery": delivery}),
        made("Trigger", "all", {"broker": "shop", "subscriber": to("all")}),
        made("Trigger", "some", {"broker": "shop", "filters": filters, "subscriber": to("some")}),
        made(
            "Trigger",
            "lost",
            {
                "broker": "shop",
                "filter": {"attributes": {"type": "order.lost"}},
                "subscriber": {"uri": nobody},
            },
        ),
    )
    ready(events, "broker/shop", "trigger/all", "trigger/some", "trigger/lost", "ksvc/dead")
    events.ready("all", "some")
    codes = send(
        events,
        f"/{events.name}/shop",
        {"id": "1", "type": "order.placed"},
        {"id": "2", "type": "order.placed", "source": "noise"},
        {"id": "3", "type": "other"},
        {"id": "4", "type": "other", "urgent": "yes"},
        {"id": "5", "type": "order.lost"},
        {"id": "6", "type": "x", "specversion": "9000.1"},
    )
    assert codes == ["202"] * 5 + ["400"]
    for number in "12345":
        wait_for(events, "all", f"  id: {number}\n")
    for number in "145":
        wait_for(events, "some", f"  id: {number}\n")
    event = wait_for(events, "dead", "  id: 5\n")
    assert f"knativeerrordest: {nobody}" in event
    assert "knativeerrorcode:" in event
    assert ids(events, "some") == {"1", "4", "5"}
    assert ids(events, "dead") == {"5"}


def test_what_makes_no_sense_is_refused_with_upstream_s_words(events: Namespace) -> None:
    bad = made("Trigger", "bad", {"broker": "shop", "filters": [{"cesql": "((("}]})
    refused = events.apply(bad, check=False)
    assert refused.code != 0
    assert 'admission webhook "validation.webhook.eventing.knative.dev" denied' in refused.err
    assert "spec.filters[0].cesql" in refused.err
    assert "expected at least one, got none: spec.subscriber.ref, spec.subscriber.uri" in (
        refused.err
    )
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "config-br-defaults", "namespace": "knative-eventing"},
        "data": {"default-br-config": "clusterDefault: 3"},
    }
    refused = events.platform.kubectl("apply", "-f", "-", stdin=json.dumps(config), check=False)
    assert 'admission webhook "config.webhook.eventing.knative.dev" denied' in refused.err
