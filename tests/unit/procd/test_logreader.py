"""Reading container logs across rotations, from the end and as they grow."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from wakeful.procd.logreader import LogQuery, log_tail, stream_log, tail_lines


def write(path: Path, *lines: tuple[int, str, str]) -> None:
    with path.open("ab") as out:
        for second, tag, text in lines:
            out.write(f"2026-01-01T00:00:{second:02d}.000000001Z stdout {tag} {text}\n".encode())


async def over() -> bool:
    return True


async def read(path: Path, query: LogQuery) -> bytes:
    return b"".join([chunk async for chunk in stream_log(path, query, ended=over)])


async def test_rotated_files_are_read_in_order(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    write(tmp_path / "0.log.2", (1, "F", "one"))
    write(tmp_path / "0.log.1", (2, "F", "two"))
    write(log, (3, "F", "three"))

    assert await read(log, LogQuery()) == b"one\ntwo\nthree\n"


async def test_partial_lines_are_joined(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    write(log, (1, "P", "hel"), (1, "F", "lo"))

    assert await read(log, LogQuery()) == b"hello\n"


async def test_tail_since_limit_and_timestamps(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    write(log, *((n, "F", f"line {n}") for n in range(1, 30)))

    assert await read(log, LogQuery(tail_lines=2)) == b"line 28\nline 29\n"
    since = datetime(2026, 1, 1, 0, 0, 29, tzinfo=UTC)
    assert await read(log, LogQuery(since=since)) == b"line 29\n"
    assert await read(log, LogQuery(limit_bytes=6)) == b"line 1"
    stamped = await read(log, LogQuery(tail_lines=1, timestamps=True))
    assert stamped == b"2026-01-01T00:00:29.000000001Z line 29\n"


async def test_following_goes_on_across_rotations(tmp_path: Path) -> None:
    """Twice rotated between two looks: nothing is lost and nothing comes twice."""
    log = tmp_path / "0.log"
    write(log, (1, "F", "one"))
    looks = 0

    async def rotate_then_end() -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            write(log, (2, "F", "two"))
            log.rename(tmp_path / "0.log.2")
            write(tmp_path / "0.log.1", (3, "F", "three"))
            with log.open("ab") as growing:
                growing.write(b"2026-01-01T00:00:04.000000001Z stdout F fo")
        if looks == 2:
            with log.open("ab") as growing:
                growing.write(b"ur\n")
        return looks == 2

    stream = stream_log(log, LogQuery(follow=True), ended=rotate_then_end)
    assert b"".join([c async for c in stream]) == b"one\ntwo\nthree\nfour\n"


def test_tail_of_a_large_file_reads_only_its_end(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    write(log, *((1, "F", f"line {n} " + "x" * 200) for n in range(2000)))

    assert [line.text.split()[1] for line in tail_lines(log, 3)] == [b"1997", b"1998", b"1999"]


def test_end_of_a_log_as_termination_message(tmp_path: Path) -> None:
    log = tmp_path / "0.log"
    write(log, (1, "F", "starting"), (2, "F", "panic: no database"))

    assert log_tail(log, lines=1, limit_bytes=100) == "panic: no database"
    assert log_tail(tmp_path / "none.log", lines=1, limit_bytes=100) == ""
