"""Images to and from a registry over real connections."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from wakeful.oci import Credential, Keychain, Progress, PullPolicy, Reference, parse_reference
from wakeful.oci.blobs import digest_of
from wakeful.oci.errors import (
    ImageNotFoundError,
    ImageNotPresentError,
    InvalidImageError,
    RegistryUnavailableError,
    UnauthorizedError,
)
from wakeful.oci.image import LABEL_ROOTFS
from wakeful.oci.layout import LayoutStore
from wakeful.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Platform
from wakeful.oci.provider import StoreProvider
from wakeful.oci.registry import RegistryClient, RegistryConfig, open_registry
from wakeful.oci.resolver import DigestResolver
from wakeful.oci.transfer import Puller, Pusher
from wakeful.testing.images import Entry, MadeImage, an_image
from wakeful.testing.registry import FakeRegistry, running_registry

BIG = bytes(range(256)) * 4096


def _a_big_image() -> MadeImage:
    return an_image(["shared"], [Entry("big", BIG)], config={"Cmd": ["/big"]})


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with running_registry() as running:
        yield running


@pytest.fixture
async def client() -> AsyncIterator[RegistryClient]:
    async with open_registry() as opened:
        yield opened


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


def _ref(registry: FakeRegistry, name: str = "team/app:v1") -> Reference:
    return parse_reference(f"{registry.host}/{name}")


async def test_pulled_images_run(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Every layer arrives, is reported on, and is laid out."""
    image = _a_big_image()
    registry.put(image, "team/app", "v1")
    seen: list[Progress] = []

    digest = await Puller(client, store).pull(_ref(registry), progress=seen.append)

    assert digest == image.digest
    plan = await store.unpack(_ref(registry))
    assert plan.rootfs is not None
    assert (plan.rootfs / "big").read_bytes() == BIG
    assert plan.argv() == ("/big",)
    done = {p.what: p.done_bytes for p in seen}
    assert done == {digest_of(layer): len(layer) for layer in image.layers}


async def test_what_is_here_is_not_fetched_again(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Layers are shared between images."""
    registry.put(an_image(["base"], ["one"]), "team/app", "v1")
    registry.put(an_image(["base"], ["two"]), "team/app", "v2")
    puller = Puller(client, store)

    await puller.pull(_ref(registry))
    await puller.pull(_ref(registry, "team/app:v2"))
    await puller.pull(_ref(registry, "team/app:v2"))

    assert registry.count("GET", "/blobs/") == 5  # two configurations, three different layers


async def test_a_broken_download_goes_on_where_it_was(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """The connection breaks in the middle of the layer, twice."""
    image = an_image([Entry("big", BIG)])
    registry.put(image, "team/app", "v1")
    size = len(image.layers[0])
    registry.cut_blobs_at = [1 << 30, size // 3, size // 3]

    await Puller(client, store).pull(_ref(registry))

    assert store.has_blob(digest_of(image.layers[0]))
    assert registry.count("GET", digest_of(image.layers[0])) == 3


async def test_a_failed_pull_names_nothing_and_is_taken_up_later(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """The registry stays broken; the half layer is kept for the next time."""
    image = an_image([Entry("big", BIG)])
    registry.put(image, "team/app", "v1")
    layer = digest_of(image.layers[0])
    half = len(image.layers[0]) // 2
    store.partial_path(layer).write_bytes(image.layers[0][:half])
    registry.fail = lambda r: web.Response(status=503) if layer in r.path else None

    with pytest.raises(RegistryUnavailableError, match="503 Service Unavailable"):
        await Puller(client, store).pull(_ref(registry))
    assert store.images() == []

    registry.fail = lambda _: None
    await Puller(client, store).pull(_ref(registry))
    assert store.has_blob(layer)


async def test_cancelling_a_pull_keeps_whole_blobs_only(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """A cancelled pull can be repeated."""
    image = _a_big_image()
    registry.put(image, "team/app", "v1")
    started = asyncio.Event()
    task = asyncio.create_task(
        Puller(client, store).pull(_ref(registry), progress=lambda _: started.set())
    )
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await Puller(client, store).pull(_ref(registry)) == image.digest


async def test_lying_registries_are_found_out(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Neither a manifest nor a layer is believed without its digest."""
    image = an_image([Entry("a", b"good")])
    registry.put(image, "team/app", "v1")
    layer = digest_of(image.layers[0])
    registry.blobs[layer] = bytes(len(image.layers[0]))

    with pytest.raises(InvalidImageError, match="content has digest"):
        await Puller(client, store).pull(_ref(registry))

    registry.manifests["team/app", image.digest] = an_image(["other"]).manifest
    with pytest.raises(InvalidImageError, match="manifest has digest"):
        await Puller(client, store).pull(_ref(registry, f"team/app@{image.digest}"))
    assert store.images() == []


async def test_an_index_gives_this_machines_image(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """The digest is the index's, as the registry has it; other platforms are not fetched."""
    mine, other = an_image(["mine"]), an_image(["other"], platform=Platform("linux", "vax"))
    for image in (mine, other):
        registry.put(image, "team/app", "x")
    index = _index((other, Platform("linux", "vax")), (mine, Platform.of_this_machine()))
    registry.put_index(index, "team/app", "v1")

    digest = await Puller(client, store).pull(_ref(registry))

    assert digest == digest_of(index)
    assert (await client.head(_ref(registry), Keychain())).digest == digest
    assert store.info(digest).manifest_digest == mine.digest
    assert not store.has_blob(digest_of(other.layers[0]))


async def test_images_for_other_machines_are_refused(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Better now than as an exec format error later."""
    registry.put(an_image(["a"], platform=Platform("linux", "vax")), "team/app", "v1")

    with pytest.raises(InvalidImageError, match="made for linux/vax"):
        await Puller(client, store).pull(_ref(registry))


async def test_strangers_do_not_get_the_hosts_file_system(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """An image of a registry may not ask for it, unless the user trusts it."""
    registry.put(an_image(["a"], config={"Labels": {LABEL_ROOTFS: "host"}}), "team/app", "v1")

    with pytest.raises(InvalidImageError, match="--allow-host-rootfs"):
        await Puller(client, store).pull(_ref(registry))
    await Puller(client, store, trust_host_rootfs=True).pull(_ref(registry))


@pytest.mark.parametrize("auth", ["basic", "bearer"])
async def test_credentials_open_private_repositories(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore, auth: str
) -> None:
    """The right ones do; none or wrong ones are an error of their own."""
    registry.auth, registry.users = auth, {"me": "secret"}
    registry.put(_a_big_image(), "team/app", "v1")
    puller = Puller(client, store)

    for keychain in (Keychain(), Keychain(((registry.host, Credential("me", "wrong")),))):
        with pytest.raises(UnauthorizedError):
            await puller.pull(_ref(registry), keychain=keychain)
    keychain = Keychain(((registry.host, Credential("me", "secret")),))
    await puller.pull(_ref(registry), keychain=keychain)

    if auth == "bearer":  # one token serves a whole pull
        assert registry.count("GET", "/token") == 3


async def test_anonymous_tokens_are_fetched(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Public repositories of big registries want a token all the same."""
    registry.auth = "bearer"
    registry.put(_a_big_image(), "team/app", "v1")

    await Puller(client, store).pull(_ref(registry))


async def test_mirrors_are_asked_first_and_may_fail(store: LayoutStore) -> None:
    """What a mirror lacks, the registry itself gives."""
    async with running_registry() as home, running_registry() as mirror:
        home.put(_a_big_image(), "team/app", "v1")
        config = RegistryConfig(
            mirrors={home.host: [f"http://{mirror.host}", "http://127.0.0.1:1"]}
        )
        async with open_registry(config) as client:
            await Puller(client, store).pull(_ref(home))
            assert (mirror.count("GET", "/v2/"), home.count("GET", "/v2/")) == (4, 4)

            mirror.put(an_image(["v2"]), "team/app", "v2")
            await Puller(client, store).pull(_ref(home, "team/app:v2"))
            assert home.count("GET", "/v2/") == 4


async def test_insecure_registries_need_no_certificate() -> None:
    """A host name that would mean https is asked over http when it is listed."""
    async with running_registry() as registry:
        registry.put(an_image(["a"]), "app", "v1")
        name = registry.host.replace("127.0.0.1", "localhost.localdomain")
        config = RegistryConfig(insecure=frozenset({name}), mirrors={})
        async with open_registry(config) as client:
            home = client._home(Reference(name, "app", tag="v1"))
            assert home.base.startswith("http://")


async def test_missing_images_and_dead_registries_differ(
    registry: FakeRegistry, client: RegistryClient
) -> None:
    """One will not get better by trying again, the other may."""
    with pytest.raises(ImageNotFoundError, match=r"HEAD http://.*: unexpected status code 404"):
        await client.head(_ref(registry, "nobody/nothing:v0"), Keychain())
    with pytest.raises(RegistryUnavailableError):
        await client.head(parse_reference("127.0.0.1:1/a"), Keychain())
    registry.fail = lambda _: web.Response(status=429)
    with pytest.raises(RegistryUnavailableError, match="429"):
        await client.head(_ref(registry), Keychain())


async def test_pushed_images_can_be_pulled_elsewhere(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore, tmp_path: Path
) -> None:
    """Under the same digest; blobs that the registry has are not sent again."""
    registry.auth, registry.users = "bearer", {"me": "secret"}
    keychain = Keychain(((registry.host, Credential("me", "secret")),))
    image = _a_big_image()
    image.put_into(store, "app")
    pusher = Pusher(client, store)

    for tag in ("v1", "v2"):
        target = _ref(registry, f"team/app:{tag}")
        digest = await pusher.push(parse_reference("app"), target=target, keychain=keychain)
        assert digest == image.digest

    assert registry.count("POST", "/uploads/") == 3
    other = LayoutStore(tmp_path / "other")
    assert await Puller(client, other).pull(_ref(registry), keychain=keychain) == image.digest


async def test_digests_are_resolved_as_knative_does(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """Local names first, then skipped registries, then a HEAD request."""
    remote, local = an_image(["remote"]), an_image(["local"])
    registry.put(remote, "team/app", "v1")
    resolver = DigestResolver(store, client)
    name = f"{registry.host}/team/app"

    assert await resolver.resolve(f"{name}:v1") == f"{name}@{remote.digest}"
    assert await resolver.resolve(f"{name}:v1", skip_registries={registry.host}) == ""
    assert await resolver.resolve("dev.local/app") == ""
    assert await resolver.resolve(f"{name}@{local.digest}") == f"{name}@{local.digest}"
    assert registry.count("GET", "") == 0

    local.put_into(store, f"{name}:v1")
    local.put_into(store, "dev.local/app")
    assert await resolver.resolve(f"{name}:v1") == f"{name}@{local.digest}"
    assert await resolver.resolve("dev.local/app") == f"dev.local/app@{local.digest}"
    assert registry.count("HEAD", "") == 1


async def test_pulled_tags_are_looked_up_again(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """A copy does not hide that the registry's tag moved, but serves when it is away."""
    old, new = an_image(["old"]), an_image(["new"])
    registry.put(old, "team/app", "v1")
    await Puller(client, store).pull(_ref(registry))
    registry.put(new, "team/app", "v1")
    resolver = DigestResolver(store, client)

    assert (await resolver.resolve(str(_ref(registry)))).endswith(new.digest)
    registry.fail = lambda _: web.Response(status=500)
    assert (await resolver.resolve(str(_ref(registry)))).endswith(old.digest)


async def test_a_slow_registry_is_given_up(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """The time limit of config-deployment holds."""
    with pytest.raises(RegistryUnavailableError, match="no answer within"):
        await DigestResolver(store, client).resolve(str(_ref(registry)), timeout=0.0)


async def test_pull_policies(
    registry: FakeRegistry, client: RegistryClient, store: LayoutStore
) -> None:
    """As the kubelet has them; what was built here is never replaced."""
    old, new = an_image(["old"]), an_image(["new"])
    registry.put(old, "team/app", "v1")
    provider = StoreProvider(store, Puller(client, store))
    name = str(_ref(registry))

    with pytest.raises(ImageNotPresentError, match="pull policy of Never"):
        await provider.provide(name, policy=PullPolicy.NEVER)
    plans = await asyncio.gather(*(provider.provide(name) for _ in range(5)))
    assert {plan.digest for plan in plans} == {old.digest}
    assert registry.count("GET", "manifests/v1") == 1

    registry.put(new, "team/app", "v1")
    assert (await provider.provide(name)).digest == old.digest
    assert (await provider.provide(name, policy=PullPolicy.ALWAYS)).digest == new.digest
    old.put_into(store, name)
    assert (await provider.provide(name, policy=PullPolicy.ALWAYS)).digest == old.digest


def _index(*images: tuple[MadeImage, Platform]) -> bytes:
    manifests = [
        Descriptor(OCI_MANIFEST, image.digest, len(image.manifest), on).to_json()
        for image, on in images
    ]
    wire = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
    return json.dumps(wire).encode()
