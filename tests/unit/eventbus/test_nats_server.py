"""The embedded server's files."""

from __future__ import annotations

import socket
from pathlib import Path

from wakeful.eventbus.jetstream.server import (
    NatsPaths,
    can_listen,
    forget_access,
    load_or_make_access,
    make_config,
    write_config,
)


def test_access_is_made_once_and_private(tmp_path: Path) -> None:
    paths = NatsPaths(tmp_path / "nats")
    access = load_or_make_access(paths)
    assert load_or_make_access(paths) == access
    assert len(access.password) >= 32
    assert access.password not in repr(access)
    for path in (paths.access, write_config(paths, access)):
        assert path.stat().st_mode & 0o077 == 0


def test_it_listens_on_loopback_for_one_user(tmp_path: Path) -> None:
    access = load_or_make_access(NatsPaths(tmp_path))
    text = make_config(NatsPaths(tmp_path), access)
    assert 'listen: "127.0.0.1:' in text
    assert access.password in text
    assert str(tmp_path / "jetstream") in text


def test_a_port_taken_meanwhile_is_given_up(tmp_path: Path) -> None:
    paths = NatsPaths(tmp_path)
    access = load_or_make_access(paths)
    assert can_listen(access)
    with socket.create_server(("127.0.0.1", int(access.url.rpartition(":")[2]))):
        assert not can_listen(access)
        forget_access(paths)
        assert load_or_make_access(paths).url != access.url
