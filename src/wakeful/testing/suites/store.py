"""What every :class:`~wakeful.storage.Store` does; inherit and provide the ``store`` fixture."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from wakeful.storage import (
    CompactedError,
    Key,
    KeyExistsError,
    KeyMissingError,
    RevisionConflictError,
    Store,
    StoreEvent,
    Subscription,
    WatchOverflowError,
)


def an_object(name: str, **fields: Any) -> dict[str, Any]:
    """A small object of no kind."""
    return {"metadata": {"name": name}, **fields}


def a_key(name: str, namespace: str = "default", resource: str = "things") -> Key:
    """Where such an object lives."""
    return Key("test.dev", resource, namespace, name)


def put(store: Store, name: str, namespace: str = "default", **fields: Any) -> int:
    """Create an object and return its revision."""
    return store.create(a_key(name, namespace), an_object(name, **fields)).revision


def drain(subscription: Subscription) -> list[StoreEvent]:
    """Every event waiting."""
    events = []
    while (event := subscription.poll()) is not None:
        events.append(event)
    return events


class StoreSuite:
    """Behaviour of a store whose history keeps at most 64 events and whose watchers 32."""

    async def test_object_is_read_back_with_its_revision(self, store: Store) -> None:
        """What was created comes back, its resourceVersion inside."""
        record = store.create(a_key("a"), an_object("a", spec={"size": 1}))

        found = store.get(a_key("a"))

        assert found is not None
        assert found.revision == record.revision == store.revision
        assert found.decode() == {
            "metadata": {"name": "a", "resourceVersion": str(record.revision)},
            "spec": {"size": 1},
        }
        assert store.get(a_key("b")) is None

    async def test_revisions_rise_over_all_kinds(self, store: Store) -> None:
        """One counter serves every key, deletions too."""
        first = store.create(a_key("a", resource="things"), an_object("a")).revision
        second = store.create(a_key("a", resource="others"), an_object("a")).revision
        third = store.delete(a_key("a", resource="things"), expected=first).revision

        assert (second, third) == (first + 1, first + 2)

    async def test_second_creation_is_refused(self, store: Store) -> None:
        """A key is taken until its object is deleted."""
        revision = put(store, "a")

        with pytest.raises(KeyExistsError):
            put(store, "a")
        store.delete(a_key("a"), expected=revision)
        put(store, "a")

    async def test_update_needs_the_latest_revision(self, store: Store) -> None:
        """Of two writers who read the same state, the second is told."""
        read = put(store, "a", spec=0)

        store.update(a_key("a"), an_object("a", spec=1), expected=read)
        with pytest.raises(RevisionConflictError) as caught:
            store.update(a_key("a"), an_object("a", spec=2), expected=read)

        assert (caught.value.expected, caught.value.current) == (read, store.revision)
        found = store.get(a_key("a"))
        assert found is not None
        assert found.decode()["spec"] == 1

    async def test_missing_key_cannot_be_written(self, store: Store) -> None:
        """Neither updated nor deleted."""
        with pytest.raises(KeyMissingError):
            store.update(a_key("a"), an_object("a"), expected=1)
        with pytest.raises(KeyMissingError):
            store.delete(a_key("a"), expected=1)

    async def test_stale_deletion_is_refused(self, store: Store) -> None:
        """Deletion is as careful as an update."""
        read = put(store, "a")
        store.update(a_key("a"), an_object("a", spec=1), expected=read)

        with pytest.raises(RevisionConflictError):
            store.delete(a_key("a"), expected=read)

    async def test_list_is_ordered_and_scoped(self, store: Store) -> None:
        """By namespace, then name; other kinds do not appear."""
        for namespace, name in (("b", "x"), ("a", "z"), ("a", "y"), ("", "c")):
            put(store, name, namespace)
        store.create(a_key("w", "a", "others"), an_object("w"))

        everywhere = [(r.key.namespace, r.key.name) for r in store.list("test.dev", "things")]
        in_a = [r.key.name for r in store.list("test.dev", "things", namespace="a")]

        assert everywhere == [("", "c"), ("a", "y"), ("a", "z"), ("b", "x")]
        assert in_a == ["y", "z"]
        assert store.count("test.dev", "things") == 4
        assert store.count("test.dev", "things", namespace="a") == 2

    async def test_list_continues_after_a_key(self, store: Store) -> None:
        """A page goes on where the last one ended, even if that object is gone."""
        for i in range(600):
            put(store, f"n{i:03}", "ab"[i % 2])
        last = ("a", "n100")

        rest = [(r.key.namespace, r.key.name) for r in store.list("test.dev", "things", after=last)]

        assert rest[0] == ("a", "n102")
        assert len(rest) == store.count("test.dev", "things", after=last) == 600 - 51
        assert rest == sorted(rest)
        only_b = store.list("test.dev", "things", namespace="b", after=("b", "n597"))
        assert [r.key.name for r in only_b] == ["n599"]

    async def test_watch_sees_writes_in_commit_order(self, store: Store) -> None:
        """Each write once, with the state before and after."""
        watch = store.watch("test.dev", "things")
        created = put(store, "a", spec=1)
        updated = store.update(a_key("a"), an_object("a", spec=2), expected=created).revision
        deleted = store.delete(a_key("a"), expected=updated).revision

        events = drain(watch)

        assert [(e.type, e.revision) for e in events] == [
            ("ADDED", created),
            ("MODIFIED", updated),
            ("DELETED", deleted),
        ]
        assert [e.object["spec"] for e in events] == [1, 2, 2]
        assert [e.previous and e.previous["spec"] for e in events] == [None, 1, 2]
        assert events[2].object["metadata"]["resourceVersion"] == str(deleted)

    async def test_watch_of_a_namespace_sees_only_that(self, store: Store) -> None:
        """Other namespaces and kinds stay out."""
        watch = store.watch("test.dev", "things", namespace="a")
        put(store, "x", "b")
        put(store, "y", "a")
        store.create(a_key("z", "a", "others"), an_object("z"))

        assert [e.key.name for e in drain(watch)] == ["y"]

    async def test_watch_starts_after_a_past_revision(self, store: Store) -> None:
        """Nothing is lost or repeated between a list and the watch that follows it."""
        put(store, "a")
        since = put(store, "b")
        put(store, "c")

        watch = store.watch("test.dev", "things", since=since)
        put(store, "d")

        assert [e.key.name for e in drain(watch)] == ["c", "d"]

    async def test_watchers_share_one_decoded_object(self, store: Store) -> None:
        """Fan-out does not copy."""
        first, second = store.watch("test.dev", "things"), store.watch("test.dev", "things")
        put(store, "a")

        assert drain(first)[0].object is drain(second)[0].object

    async def test_forgotten_history_is_refused(self, store: Store) -> None:
        """A watcher from before the ring has to list again."""
        since = put(store, "a")
        for i in range(70):
            put(store, f"n{i}")

        with pytest.raises(CompactedError):
            store.watch("test.dev", "things", since=since)
        assert len(drain(store.watch("test.dev", "things", since=store.oldest_revision))) == 64

    async def test_slow_watcher_is_cut(self, store: Store) -> None:
        """Memory is bounded: who does not read is told to start over."""
        watch = store.watch("test.dev", "things")
        for i in range(33):
            put(store, f"n{i}")

        with pytest.raises(WatchOverflowError):
            drain(watch)
        assert watch.closed

    async def test_waiting_ends_with_an_event_or_the_store(self, store: Store) -> None:
        """A watcher sleeps until there is something to say."""
        watch = store.watch("test.dev", "things")
        assert watch.poll() is None
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(watch.wait())
            await asyncio.sleep(0)
            put(store, "a")
        assert len(drain(watch)) == 1

        store.close()

        async with asyncio.timeout(60):
            await watch.wait()
        assert watch.poll() is None
        assert watch.closed
