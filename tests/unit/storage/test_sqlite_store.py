from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from wakeful.apimachinery.errors import InsufficientStorageError
from wakeful.apimachinery.request import SYSTEM_MASTERS, APIRequest, UserInfo, Verb
from wakeful.apis import make_scheme
from wakeful.apiserver import APIServer
from wakeful.storage import CompactedError, Key, SQLiteStore, StoreError, StoreUnwritableError
from wakeful.storage.history import History
from wakeful.storage.sqlite import checkpoint
from wakeful.testing.suites.store import StoreSuite, a_key, an_object, put
from wakeful.testing.waiting import eventually


class TestSQLiteStore(StoreSuite):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SQLiteStore]:
        history = History(0, max_events=64, watcher_backlog=32)
        store = SQLiteStore(tmp_path / "store.db", history=history)
        yield store
        store.close()


class TestRestart:
    async def test_objects_survive_and_revisions_go_on(self, tmp_path: Path) -> None:
        """After a restart nothing is lost and no revision is handed out twice."""
        store = SQLiteStore(tmp_path / "store.db")
        last = put(store, "a", spec=1)
        store.close()

        store = SQLiteStore(tmp_path / "store.db")

        found = store.get(a_key("a"))
        assert found is not None
        assert found.decode()["spec"] == 1
        assert put(store, "b") > last
        store.update(a_key("a"), an_object("a", spec=2), expected=last)
        store.close()

    async def test_watch_across_a_restart_is_told_to_list_again(self, tmp_path: Path) -> None:
        """History lives in memory; older versions answer as compacted."""
        store = SQLiteStore(tmp_path / "store.db")
        last = put(store, "a")
        store.close()

        store = SQLiteStore(tmp_path / "store.db")

        with pytest.raises(CompactedError):
            store.watch("test.dev", "things", since=last)
        store.watch("test.dev", "things", since=store.revision)
        store.close()

    async def test_more_revisions_than_one_block(self, tmp_path: Path) -> None:
        """Reserving a new block changes nothing that can be seen."""
        store = SQLiteStore(tmp_path / "store.db")
        revisions = [put(store, f"n{i}") for i in range(1500)]
        store.close()

        assert revisions == list(range(revisions[0], revisions[0] + 1500))
        store = SQLiteStore(tmp_path / "store.db")
        assert put(store, "next") > revisions[-1]
        store.close()

    async def test_newer_schema_is_refused(self, tmp_path: Path) -> None:
        """A file of a newer program is left alone."""
        SQLiteStore(tmp_path / "store.db").close()
        db = sqlite3.connect(tmp_path / "store.db")
        db.execute("PRAGMA user_version = 99")
        db.close()

        with pytest.raises(StoreError, match="newer version"):
            SQLiteStore(tmp_path / "store.db")


def checkpoints(path: Path) -> int:
    """How often the log was copied back."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        query = "SELECT value FROM counters WHERE name = 'checkpoints'"
        return int((db.execute(query).fetchone() or [0])[0])


class TestCheckpoint:
    async def test_log_starts_over_in_the_background(self, tmp_path: Path) -> None:
        """The log stays bounded without a request ever copying it back."""
        store = SQLiteStore(tmp_path / "store.db", checkpoint_pages=100)
        log = tmp_path / "store.db-wal"
        async with asyncio.TaskGroup() as group:
            upkeep = group.create_task(store.maintain())
            grown = 0
            for batch in range(20):
                before = checkpoints(tmp_path / "store.db")
                for i in range(100):
                    put(store, f"n{batch}-{i}")
                grown = max(grown, log.stat().st_size)
                # A writer that never stops may be ahead of a thread that gets no turn.
                await eventually(lambda n=before: checkpoints(tmp_path / "store.db") > n)
            upkeep.cancel()

        assert store.count("test.dev", "things") == 2000
        assert grown < 2000 * 2 * 8192
        store.close()

    async def test_checkpoint_beside_an_open_store(self, tmp_path: Path) -> None:
        """Forced or not, it loses nothing."""
        store = SQLiteStore(tmp_path / "store.db")
        put(store, "a")
        checkpoint(tmp_path / "store.db", force_above_pages=1000)
        put(store, "b")
        checkpoint(tmp_path / "store.db", force_above_pages=0)
        put(store, "c")

        assert [r.key.name for r in store.list("test.dev", "things")] == ["a", "b", "c"]
        store.close()


def test_full_disk_is_told_and_forgotten_once_there_is_room(tmp_path: Path) -> None:
    """SQLite says the same about a limit of its own as about a disk."""
    store = SQLiteStore(tmp_path / "store.db")
    kept = store.create(Key("", "configmaps", "default", "kept"), {"metadata": {}})
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages}")
    big = {"metadata": {}, "data": {"a": "x" * 1_000_000}}
    key = Key("", "configmaps", "default", "big")

    with pytest.raises(StoreUnwritableError, match=r"cannot write to .*store\.db: .* full"):
        store.create(key, big)
    with pytest.raises(StoreUnwritableError):
        store.update(kept.key, big, expected=kept.revision)
    assert store.get(key) is None
    left = store.get(kept.key)
    assert left is not None
    assert (left.revision, left.data) == (kept.revision, kept.data)

    store._db.execute("PRAGMA max_page_count=1000000")
    assert store.create(key, big).revision > kept.revision
    store.close()
    assert SQLiteStore(tmp_path / "store.db").get(key) is not None


async def test_full_disk_is_an_answer_of_the_api(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "store.db")
    server = APIServer(store, make_scheme())
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    store._db.execute(f"PRAGMA max_page_count={pages}")
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "x", "annotations": {"a": "x" * 200_000}},
    }

    with pytest.raises(InsufficientStorageError, match="nothing was stored: cannot write to") as e:
        await server.handle(
            APIRequest(Verb.CREATE, "", "v1", "namespaces", body=body),
            UserInfo("admin", (SYSTEM_MASTERS,)),
        )
    assert e.value.code == 507
    store.close()
