"""Built-in images: which names they answer, and when they are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from wakeful.aio.clock import ManualClock
from wakeful.config import StandInMode
from wakeful.oci import Keychain, PullPolicy, Reference, parse_reference
from wakeful.oci.builtin import USUAL, BuiltinImage, Catalog, Program, StandIns
from wakeful.oci.builtin.model import BIN, INTERPRETER, Needs
from wakeful.oci.errors import (
    ImageError,
    ImageNotFoundError,
    RegistryUnavailableError,
    UnauthorizedError,
)
from wakeful.oci.layout import LayoutStore
from wakeful.oci.manifest import OCI_MANIFEST, Descriptor
from wakeful.oci.provider import BUILDER_SOCKET, StoreProvider
from wakeful.oci.resolver import resolve_digest
from wakeful.testing.images import an_image
from wakeful.testing.platform import run

BOOK = "registry.cn-hangzhou.aliyuncs.com/knative-sample"
NOBODY = Keychain()
SHELL = BuiltinImage(name="shell", description="a shell", patterns=("debian",), cmd=("sh",))
TOOL = BuiltinImage(
    name="tool",
    description="a tool",
    patterns=("*/tool",),
    entrypoint=("/tools/tool",),
    contents={"/tools/tool": Program(text=f"#!{INTERPRETER}\n"), f"{BIN}/other": "/bin/true"},
    even_if_refused=True,
)
OURS = BuiltinImage(
    name="ours", description="ours", patterns=("ours",), always=True, needs=Needs.BUILDER
)


class Registry:
    """Answers as it is told, and counts."""

    def __init__(self, failure: ImageError | None = None) -> None:
        self.failure, self.asked = failure, 0

    async def head(self, image: Reference, keychain: Keychain) -> Descriptor:
        self.asked += 1
        if self.failure is not None:
            raise self.failure
        return Descriptor(OCI_MANIFEST, "sha256:" + "1" * 64, 1)


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


def stand_ins(
    store: LayoutStore,
    registry: Registry | None = None,
    mode: StandInMode = StandInMode.AUTO,
    clock: ManualClock | None = None,
) -> StandIns:
    catalog = Catalog((SHELL, TOOL, OURS))
    return StandIns(catalog, store, registry, mode=mode, clock=clock or ManualClock())


@pytest.mark.parametrize(
    ("image", "name"),
    [
        ("ubuntu", "shell"),
        ("docker.io/library/debian:12", "shell"),
        ("mirror.example/library/debian@sha256:" + "0" * 64, "shell"),
        ("registry.cn-hangzhou.aliyuncs.com/knative-sample/alpine:3.9", "busybox"),
        ("busybox", "busybox"),
        ("bash:5", "bash"),
        ("python:3.7-slim", "python"),
        ("gcr.io/kaniko-project/executor:v1.9", "kaniko"),
        (
            "registry.cn-hangzhou.aliyuncs.com/knative-sample/kaniko-project-executor:v0.10.0",
            "kaniko",
        ),
        ("someone/ubuntu", None),
        ("hello", None),
        ("registry.example/team/executor", None),
    ],
)
def test_well_known_names_are_answered(image: str, name: str | None) -> None:
    """Whatever registry and tag; on Docker Hub, names of people are left alone."""
    found = Catalog.of(USUAL).find(parse_reference(image))
    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("lachlanevenson/k8s-kubectl", {"kubectl", "kubectl-apply"}),
        (f"{BOOK}/kubectl:v0.5.0", {"kubectl", "kubectl-apply"}),
        ("gcr.io/tekton-releases/github.com/tektoncd/pipeline/cmd/git-init:v0.40", {"git-init"}),
        ("alpine/git", {"git"}),
        ("curlimages/curl", {"curl"}),
    ],
)  # fmt: skip
def test_tools_are_answered(image: str, names: set[str]) -> None:
    """Where the host lacks the program, another entry or none answers."""
    reference = parse_reference(image)
    assert {i.name for i in USUAL if i.answers(reference)} == names


def test_programs_that_are_missing_leave_no_stand_in() -> None:
    """An image of a language that is not installed stays what it is: not there."""
    image = BuiltinImage(name="x", description="x", patterns=("x",), requires=("no-such-program",))
    assert Catalog((image,)).find(parse_reference("x")) is None


async def test_without_a_registry_the_stand_in_is_made_once(store: LayoutStore) -> None:
    """Its digest is the same in another store."""
    chooser = stand_ins(store)
    reference = parse_reference("some.example/a/tool:1")

    digest = await chooser.choose(reference, NOBODY)

    assert digest == await chooser.choose(reference, NOBODY)
    assert store.resolve(reference) == digest
    other = stand_ins(LayoutStore(store.root / "other"))
    assert await other.choose(parse_reference("b.example/a/tool"), NOBODY) == digest
    assert [(i.repository, i.stand_in) for i in store.images()] == [("some.example/a/tool", "tool")]
    plan = await store.unpack(digest)
    assert plan.rootfs is None
    targets = {str(mount.target): mount.source for mount in plan.mounts}
    assert sorted(targets) == ["/.wakeful", "/tools"]
    program = (targets["/tools"] / "tool").read_text()
    assert program.startswith("#!/")
    assert plan.user.uid == 0


async def test_sh_leaves_braces_alone(store: LayoutStore) -> None:
    """As every sh does but bash by that name: JSON that nobody quoted stays in one piece."""
    image = BuiltinImage(name="b", description="b", patterns=("b",), cmd=("sh",), bash_as_sh=True)
    mode, clock = StandInMode.ALWAYS, ManualClock()
    chooser = StandIns(Catalog((image,)), store, None, mode=mode, clock=clock)
    digest = await chooser.choose(parse_reference("b"), NOBODY)
    assert digest is not None
    plan = await store.unpack(digest)
    [shell] = [m.source for m in plan.mounts if str(m.target) == "/bin/sh"]

    done = run([str(shell), "-c", 'echo [{"a":1,"b":2}] {x,y}; [[ 1 == 1 ]] && echo $0'])
    assert done.out.splitlines() == ["[{a:1,b:2}] {x,y}", "sh"]


async def test_what_is_in_the_store_wins(store: LayoutStore) -> None:
    """A real image under the name, however it came here."""
    an_image(["a"]).put_into(store, "debian")
    assert await stand_ins(store).choose(parse_reference("debian"), NOBODY) == ""


async def test_what_can_be_pulled_wins(store: LayoutStore) -> None:
    """Unless the real one is of no use here, or nobody is to be asked."""
    registry = Registry()
    assert await stand_ins(store, registry).choose(parse_reference("debian"), NOBODY) == ""
    assert await stand_ins(store, registry).choose(parse_reference("ours"), NOBODY)
    assert registry.asked == 1
    always = stand_ins(store, registry, StandInMode.ALWAYS)
    assert await always.choose(parse_reference("debian"), NOBODY)
    assert registry.asked == 1
    never = stand_ins(store, None, StandInMode.NEVER)
    assert await never.choose(parse_reference("ours"), NOBODY) == ""


async def test_a_registry_out_of_reach_is_left_alone_for_a_while(store: LayoutStore) -> None:
    """The first container waits for it, those of the next minutes do not."""
    clock = ManualClock()
    registry = Registry(RegistryUnavailableError("debian", "no route"))
    chooser = stand_ins(store, registry, clock=clock)
    for image in ("debian:1", "debian:2", "debian:1"):
        assert await chooser.choose(parse_reference(image), NOBODY)
    assert registry.asked == 1
    await clock.advance(301)
    registry.failure = None
    assert await chooser.choose(parse_reference("debian:3"), NOBODY) == ""


@pytest.mark.parametrize(
    ("failure", "shell", "tool"),
    [
        (ImageNotFoundError("x"), False, True),
        (UnauthorizedError("x", "401"), True, True),
    ],
)
async def test_refusals(store: LayoutStore, failure: ImageError, shell: bool, tool: bool) -> None:
    """A wrong tag of a shell is told; tools that moved away go on."""
    chooser = stand_ins(store, Registry(failure))
    assert bool(await chooser.choose(parse_reference("debian"), NOBODY)) is shell
    assert bool(await chooser.choose(parse_reference("x.example/a/tool"), NOBODY)) is tool


async def test_the_provider_says_what_stands_in(store: LayoutStore, tmp_path: Path) -> None:
    """By tag, by a digest that nobody has, and by the stand-in's own, which revisions use."""
    socket = tmp_path / "builder" / "socket"
    chooser = stand_ins(store)
    provider = StoreProvider(store, None, stand_ins=chooser, builder_socket=socket)

    plan = await provider.provide("debian:12", policy=PullPolicy.ALWAYS)
    assert (plan.stand_in, plan.cmd) == ("a shell", ("sh",))
    other = await provider.provide("debian@sha256:" + "7" * 64)
    assert other.digest == plan.digest
    resolved = await resolve_digest("debian:12", store=store, registry=None, stand_ins=chooser)
    assert resolved == f"index.docker.io/library/debian@{plan.digest}"
    assert (await provider.provide(resolved)).digest == plan.digest

    assert BUILDER_SOCKET.parent not in [mount.target for mount in plan.mounts]
    built = await provider.provide("ours")
    shown = [m.source for m in built.mounts if m.target == BUILDER_SOCKET.parent]
    assert shown == [socket.parent]


@pytest.mark.parametrize(
    ("image", "name"),
    [
        (f"{BOOK}/helloworld-go:160e4dc8", "helloworld-go"),
        (f"{BOOK}/rest-api-go:v1", "rest-api-go"),
        (f"{BOOK}/autoscale-go:0.1", "autoscale-go"),
        (f"{BOOK}/websocket-chat:2019-10-15", "websocket-chat"),
        ("gcr.io/knative-samples/helloworld-go", "helloworld-go"),
        ("ghcr.io/knative/autoscale-go:latest", "autoscale-go"),
        ("ghcr.io/knative/helloworld-python", "helloworld-go"),
        ("somebody/helloworld-python", None),
    ],
)
def test_samples_of_serving_are_answered(image: str, name: str | None) -> None:
    """Under the book's names and upstream's."""
    found = Catalog.of(USUAL).find(parse_reference(image))

    assert (found.name if found else None) == name
