"""The local image store: names, shared content, removal, unpacking."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from wakeful.oci import ImageUser, RootfsPlan
from wakeful.oci.blobs import digest_of
from wakeful.oci.errors import ImageNotFoundError, InvalidImageError
from wakeful.oci.image import LABEL_HOST_PATHS, LABEL_ROOTFS
from wakeful.oci.layout import LayoutStore
from wakeful.oci.manifest import OCI_INDEX, OCI_MANIFEST, Descriptor, Platform
from wakeful.oci.provider import StoreProvider
from wakeful.oci.reference import Reference
from wakeful.testing.images import Entry, an_image

PASSWD = Entry("etc/passwd", b"root:x:0:0::/:/bin/sh\nweb:x:33:34::/:/bin/sh\n")
GROUP = Entry("etc/group", b"staff:x:50:\n")


@pytest.fixture
def store(tmp_path: Path) -> LayoutStore:
    return LayoutStore(tmp_path / "images")


def test_images_are_found_by_name_and_digest(store: LayoutStore) -> None:
    """Any spelling of a name, the bare digest, and the digest in any repository."""
    image = an_image(
        ["a"], config={"Cmd": ["/a"], "Env": ["X=1=2"], "ExposedPorts": {"80/tcp": {}}}
    )
    digest = image.put_into(store, "hello")

    for name in ("hello", "hello:latest", "docker.io/library/hello", digest, f"other@{digest}"):
        assert store.resolve(name) == digest
    info = store.info("hello")
    assert info.names == ("index.docker.io/library/hello:latest",)
    assert (info.config.cmd, info.config.env, info.config.exposed_ports) == (
        ("/a",),
        {"X": "1=2"},
        (80,),
    )
    for name in ("hello:v2", "hallo", digest_of(b"other")):
        with pytest.raises(ImageNotFoundError):
            store.resolve(name)


def test_other_processes_see_every_change(store: LayoutStore) -> None:
    """A second store on the same directory, as the CLI beside the platform."""
    other = LayoutStore(store.root)
    assert other.images() == []

    digest = an_image(["a"]).put_into(store, "hello:v1")
    assert other.resolve("hello:v1") == digest
    other.tag("hello:v1", "r.io/x/hello:v2")

    assert [(s.repository, s.tag) for s in store.images()] == [
        ("hello", "v1"),
        ("r.io/x/hello", "v2"),
    ]


def test_concurrent_changes_are_all_kept(store: LayoutStore) -> None:
    """Writers take turns; no name is lost."""
    an_image(["a"]).put_into(store, "base")

    def tag(part: int) -> None:
        mine = LayoutStore(store.root)
        for number in range(5):
            mine.tag("base", f"t{part}:{number}")

    threads = [threading.Thread(target=tag, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(store.images()) == 21


def test_a_moved_tag_leaves_its_image_by_digest(store: LayoutStore) -> None:
    """A Revision that was pinned to the old digest can still start."""
    old = an_image(["a"]).put_into(store, "hello")
    new = an_image(["b"]).put_into(store, "hello")

    assert store.resolve("hello") == new
    assert store.info(f"hello@{old}").names == (f"index.docker.io/library/hello@{old}",)


async def test_removal_keeps_shared_content(store: LayoutStore) -> None:
    """Blobs go when nothing refers to them, and not before."""
    shared: list[Entry | str] = [Entry("base", b"x" * 100)]
    one = an_image(shared, ["one"])
    two = an_image(shared, ["two"])
    one.put_into(store, "one")
    two.put_into(store, "two")
    store.tag("one", "uno")
    rootfs = (await store.unpack("one")).rootfs

    first = await store.remove("one")
    assert first.deleted == ()
    second = await store.remove("uno")

    assert second.untagged == ("index.docker.io/library/uno:latest",)
    assert set(second.deleted) == {one.digest, digest_of(one.config), digest_of(one.layers[1])}
    assert rootfs is not None
    assert not rootfs.exists()
    assert (await store.unpack("two")).rootfs is not None
    with pytest.raises(ImageNotFoundError):
        await store.remove("one")


async def test_pinned_images_stay_until_unpinned(store: LayoutStore) -> None:
    """A running instance keeps its files, also across processes."""
    digest = an_image(["a"]).put_into(store, "hello")
    store.pin(digest, "pod/1")
    plan = await store.unpack("hello")

    await store.remove("hello")
    assert plan.rootfs is not None
    assert (plan.rootfs / "a").exists()
    assert LayoutStore(store.root).pins() == {"pod/1": digest}
    assert store.resolve(digest) == digest

    store.unpin("pod/1")
    store.unpin("pod/1")
    await store.prune()
    assert not plan.rootfs.exists()
    assert not store.has_blob(digest)


async def test_unpacking_for_a_holder_pins_what_is_returned(store: LayoutStore) -> None:
    """A name that moves on takes nothing away from whoever runs the old image."""
    old = an_image(["old"]).put_into(store, "hello")
    provider = StoreProvider(store, None)

    plan = await provider.provide("hello", holder="pod/1")
    an_image(["new"]).put_into(store, "hello")
    await store.prune()

    assert plan.digest == old
    assert plan.rootfs is not None
    assert plan.rootfs.is_dir()
    assert list(provider.holders()) == ["pod/1"]
    assert (await provider.provide("hello", holder="pod/1")).digest != old
    await store.prune()
    assert not plan.rootfs.is_dir()
    provider.release("pod/1")
    assert not provider.holders()


async def test_a_name_of_this_machine_is_asked_of_no_registry(store: LayoutStore) -> None:
    """Whoever mistypes one is told how it would get here, not that some host is unknown."""

    class Forbidden:
        async def pull(self, image: Reference, **_: Any) -> str:
            raise AssertionError(image.name)

    provider = StoreProvider(store, Forbidden())

    with pytest.raises(ImageNotFoundError, match="`wakeful build DIR -t NAME` puts it there"):
        await provider.provide("dev.local/typo")


async def test_pruning_spares_tags_pins_and_what_is_asked(store: LayoutStore) -> None:
    """Only images that lost their tag are in question."""
    digests = [an_image([name]).put_into(store, "app") for name in "abcd"]
    store.pin(digests[0], "pod")

    removal = await store.prune(keep={digests[1]})

    assert removal.untagged == (f"index.docker.io/library/app@{digests[2]}",)
    assert [store.has_blob(d) for d in digests] == [True, True, False, True]


async def test_nothing_is_deleted_while_blobs_arrive(store: LayoutStore) -> None:
    """A pull in another process has written layers that no name leads to yet."""
    an_image(["a"]).put_into(store, "hello")
    with LayoutStore(store.root).ingesting():
        arriving = store.write_blob(b"a layer on its way")
        assert (await store.remove("hello")).deleted == ()
        assert store.has_blob(arriving)

    assert arriving in (await store.prune()).deleted


async def test_unpacking_happens_once(store: LayoutStore) -> None:
    """All callers, in all processes, get the same directory."""
    image = an_image([PASSWD, GROUP], config={"User": "web:staff", "WorkingDir": "/srv"})
    image.put_into(store, "hello")
    stores = [LayoutStore(store.root) for _ in range(4)]

    plans = await asyncio.gather(*(s.unpack("hello") for s in stores))

    assert len({plan.rootfs for plan in plans}) == 1
    assert plans[0].user == ImageUser("web:staff", 33, 50)
    assert plans[0].workdir == "/srv"
    assert [p for p in (store.root / "rootfs").iterdir() if p.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", ImageUser("")),
        ("web", ImageUser("web", 33, 34)),
        ("33", ImageUser("33", 33, 34)),
        ("1000", ImageUser("1000", 1000, 0)),
        ("1000:5", ImageUser("1000:5", 1000, 5)),
        ("nobody-here", ImageUser("nobody-here")),
    ],
)
async def test_users_become_numbers(store: LayoutStore, user: str, expected: ImageUser) -> None:
    """By the image's own password file, as Docker does it."""
    an_image([PASSWD, GROUP], config={"User": user}).put_into(store, "hello")

    assert (await store.unpack("hello")).user == expected


async def test_a_failed_unpacking_leaves_nothing(store: LayoutStore) -> None:
    """A hostile layer is refused, and refused again."""
    an_image(["ok"], ["../evil"]).put_into(store, "evil")

    for _ in range(2):
        with pytest.raises(InvalidImageError, match=r"leaves the root"):
            await store.unpack("evil")
    assert [p.suffix for p in (store.root / "rootfs").iterdir()] == [".lock"]


async def test_host_rootfs_images_bring_mounts(store: LayoutStore) -> None:
    """The application's directory, and host paths that were allowed on this machine only."""
    labels = {LABEL_ROOTFS: "host", LABEL_HOST_PATHS: "/opt/python:/root/.ssh"}
    an_image(["workspace/", "workspace/app"], config={"Labels": labels}).put_into(store, "app")
    store.allow_host_path("/opt/python")

    plan = await store.unpack("app")

    assert plan.rootfs is None
    assert [str(m.target) for m in plan.mounts] == ["/workspace", "/opt/python"]
    assert (plan.mounts[0].source / "app").exists()


def test_an_index_is_named_by_its_own_digest(store: LayoutStore) -> None:
    """What the registry says a tag is; this machine's manifest is chosen when it runs."""
    mine = an_image(["mine"], config={"Cmd": ["mine"]})
    other = an_image(["other"], platform=Platform("linux", "sparc"))
    for image in (mine, other):
        image.put_into(store, f"tmp:{len(image.manifest)}{image.digest[7:12]}")
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [
                Descriptor(OCI_MANIFEST, i.digest, len(i.manifest), p).to_json()
                for i, p in (
                    (other, Platform("linux", "sparc")),
                    (mine, Platform.of_this_machine()),
                )
            ],
        }
    ).encode()
    digest = store.write_blob(index)

    store.add_image(Descriptor(OCI_INDEX, digest, len(index)), "multi")

    info = store.info("multi")
    assert (info.digest, info.manifest_digest) == (digest, mine.digest)
    assert info.config.cmd == ("mine",)
    with pytest.raises(InvalidImageError, match="no manifest for linux/vax"):
        LayoutStore(store.root, platform=Platform("linux", "vax")).info("multi")


def test_wrong_content_is_never_stored(store: LayoutStore, tmp_path: Path) -> None:
    """Neither from a stream nor from a download that was taken up again."""
    path = tmp_path / "content"
    path.write_bytes(b"something else")
    wanted = digest_of(b"wanted")

    with path.open("rb") as file, pytest.raises(InvalidImageError):
        store.add_blob(file, wanted)
    store.partial_path(wanted).write_bytes(b"something else")
    with pytest.raises(InvalidImageError):
        store.adopt_blob(store.partial_path(wanted), wanted)

    assert not store.has_blob(wanted)
    assert list((store.root / "ingest").iterdir()) == []


def test_argv_follows_the_rules_of_a_pod() -> None:
    """``command`` replaces entrypoint and cmd, ``args`` only cmd."""
    plan = RootfsPlan(image="a", digest="d", rootfs=None, entrypoint=("e",), cmd=("c",))

    assert plan.argv() == ("e", "c")
    assert plan.argv(args=["x"]) == ("e", "x")
    assert plan.argv(["cmd"]) == ("cmd",)
    assert plan.argv(["cmd"], ["x"]) == ("cmd", "x")
