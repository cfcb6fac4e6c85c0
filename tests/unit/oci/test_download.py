"""Files that Dockerfiles fetch."""

from __future__ import annotations

from pathlib import Path

import pytest

from wakeful.oci.build.download import download


def test_a_file_is_had_whole_or_not_at_all(tmp_path: Path) -> None:
    """One that is too large must not end up in an image in part."""
    file = tmp_path / "data"
    file.write_bytes(b"1234")

    assert download(file.as_uri(), limit_bytes=4) == b"1234"
    with pytest.raises(OSError, match="more than 3 bytes"):
        download(file.as_uri(), limit_bytes=3)
