from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from wakeful.storage import SQLiteStore
from wakeful.testing.suites.store import a_key

WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from wakeful.storage import SQLiteStore
from wakeful.testing.suites.store import put

async def main():
    store = SQLiteStore(Path(sys.argv[1]), checkpoint_pages=50)
    async with asyncio.TaskGroup() as group:
        group.create_task(store.maintain())
        for i in itertools.count():
            revision = put(store, f"n{i}", payload="x" * (i % 5000))
            print(i, revision, flush=True)
            await asyncio.sleep(0)

asyncio.run(main())
"""


def test_killed_process_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """Every write reported before kill -9 is there afterwards, whole."""
    for round_number in range(3):
        target = tmp_path / f"{round_number}.db"
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(target)], stdout=subprocess.PIPE, text=True
        )
        assert writer.stdout is not None
        acknowledged = []
        for line in writer.stdout:
            if not line.endswith("\n"):  # killed in the middle of saying it
                break
            acknowledged.append(tuple(map(int, line.split())))
            if len(acknowledged) == 700 + 400 * round_number:
                writer.kill()
        writer.wait()
        writer.stdout.close()

        store = SQLiteStore(target)
        for i, revision in acknowledged:
            found = store.get(a_key(f"n{i}"))
            assert found is not None, f"write {i} was acknowledged and is gone"
            assert found.revision == revision
            assert len(found.decode()["payload"]) == i % 5000
        assert store.revision >= acknowledged[-1][1]
        store.close()
