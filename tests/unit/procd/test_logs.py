"""Log files in the CRI format."""

from __future__ import annotations

from pathlib import Path

from wakeful.procd.logs import LINE_LIMIT_BYTES, LineWriter, LogFile, Timestamps

NOON = 1_767_268_800_000_000_000


def writer(path: Path, max_bytes: int = 1 << 20, max_files: int = 3) -> LineWriter:
    return LineWriter(LogFile(str(path), max_bytes, max_files), "stdout", Timestamps())


def test_lines_are_stamped_and_marked_full(tmp_path: Path) -> None:
    """A chunk may hold several lines and the beginning of another."""
    out = writer(tmp_path / "d" / "0.log")

    out.feed(b"one\ntwo\nthr", NOON + 5)
    out.feed(b"ee\n", NOON + 1_000_000_006)

    assert (tmp_path / "d" / "0.log").read_text().splitlines() == [
        "2026-01-01T12:00:00.000000005Z stdout F one",
        "2026-01-01T12:00:00.000000005Z stdout F two",
        "2026-01-01T12:00:01.000000006Z stdout F three",
    ]


def test_long_lines_are_cut_into_parts(tmp_path: Path) -> None:
    """The pieces put together are the line."""
    line = b"x" * (2 * LINE_LIMIT_BYTES + 10)
    out = writer(tmp_path / "0.log")

    out.feed(line + b"\n", NOON)

    pieces = [entry.split(b" ", 3) for entry in (tmp_path / "0.log").read_bytes().splitlines()]
    assert [piece[2] for piece in pieces] == [b"P", b"P", b"F"]
    assert b"".join(piece[3] for piece in pieces) == line


def test_last_line_without_newline_is_written_at_the_end(tmp_path: Path) -> None:
    """Nothing is lost when a program ends in the middle of a line, and no newline is made up."""
    out = writer(tmp_path / "0.log")
    out.feed(b"bye", NOON)
    assert not (tmp_path / "0.log").exists()

    out.finish(NOON)

    assert (tmp_path / "0.log").read_text().endswith("stdout P bye\n")


def test_rotation_keeps_the_youngest_files(tmp_path: Path) -> None:
    """Size decides; the oldest goes."""
    out = writer(tmp_path / "0.log", max_bytes=100, max_files=3)

    for number in range(10):
        out.feed(f"{number:030}\n".encode(), NOON)

    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.log", "0.log.1", "0.log.2"]
    assert (tmp_path / "0.log").read_text().endswith("9\n")
    assert (tmp_path / "0.log.1").read_text().endswith("8\n")


def test_single_file_starts_over(tmp_path: Path) -> None:
    """With one file allowed, the old content is dropped."""
    out = writer(tmp_path / "0.log", max_bytes=100, max_files=1)

    for number in range(5):
        out.feed(f"{number:030}\n".encode(), NOON)

    assert [p.name for p in tmp_path.iterdir()] == ["0.log"]
