"""What ``up`` says when the platform does not come up."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

from wakeful.cmd.up import (
    AddressUnavailableError,
    DataDirError,
    PortUnavailableError,
    last_words,
    start,
    with_ports,
)
from wakeful.config import Settings

RECORD = '{"event": "envoy connected"}'


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "its log is empty"),
        ([RECORD, "port 6443: address already in use"], "port 6443: address already in use"),
        ([RECORD, "a", "b", "c", "d"], "b / c / d"),
        (["old words", RECORD, RECORD], f"old words / {RECORD} / {RECORD}"),
    ],
)
def test_the_message_of_the_control_plane_is_what_it_said_last(
    lines: list[str], expected: str
) -> None:
    """Records of its log are shown only when it left no message."""
    assert last_words(lines) == expected


@pytest.mark.parametrize("spoil", ["file", "read-only"])
async def test_a_data_directory_that_cannot_be_used_is_named(tmp_path: Path, spoil: str) -> None:
    """Before anything is started."""
    root = tmp_path / "data"
    if spoil == "file":
        root.write_text("")
    else:
        root = Path("/proc/wakeful")

    with pytest.raises(DataDirError, match=re.escape(f"'{root}' cannot be used: ")):
        await start(Settings(data_dir=root), lambda _text: None)


@pytest.mark.parametrize("bind", ["203.0.113.1"])
def test_an_address_of_another_machine_is_not_blamed_on_the_port(tmp_path: Path, bind: str) -> None:
    """Choosing another port would not help."""
    settings = Settings(data_dir=tmp_path, bind=bind, api_port=0, http_port=0, https_port=0)

    with pytest.raises(AddressUnavailableError, match=f"--bind {bind}: cannot listen"):
        with_ports(settings)


def test_ports_that_are_kept_are_none_that_connections_are_given(tmp_path: Path) -> None:
    """Else, while nobody listens there, one of anybody's connections may be given the same."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    settings = Settings(data_dir=tmp_path, api_port=0, http_port=0, https_port=0)

    chosen = with_ports(settings)

    ports = {chosen.api_port, chosen.http_port, chosen.https_port}
    assert len(ports) == 3
    assert all(1024 < port < first for port in ports)


def test_a_port_in_use_is_named_with_its_option(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken = listener.getsockname()[1]
        settings = Settings(data_dir=tmp_path, api_port=0, http_port=taken, https_port=0)
        with pytest.raises(PortUnavailableError, match=f"--http-port {taken}: cannot listen on"):
            with_ports(settings)
