"""Ports that are chosen before somebody listens there."""

from __future__ import annotations

import errno
import socket
from pathlib import Path

import pytest

from wakeful.loopback import choose_port, is_free


@pytest.mark.parametrize("content", ["40000\t60999\n", "1024 65535", "", "junk"])
def test_the_port_is_none_that_connections_are_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    """Where the kernel keeps some for those who ask; a free one in any case."""
    given = tmp_path / "range"
    given.write_text(content)
    monkeypatch.setattr("wakeful.loopback.ports._GIVEN_PORTS", given)

    ports = [choose_port() for _ in range(20)]

    assert all(port > 1024 and is_free(port) for port in ports)
    if content.startswith("40000"):
        assert max(ports) < 40000


def test_ports_that_are_spoken_for_are_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wakeful.loopback.ports._CHOICE", 3)
    one = choose_port()
    two = choose_port(taken={one})
    assert choose_port(taken={one, two}) not in {one, two}


def test_an_address_of_another_machine_has_no_ports() -> None:
    with pytest.raises(OSError) as failure:
        choose_port("203.0.113.1")
    assert failure.value.errno == errno.EADDRNOTAVAIL


def test_a_port_on_which_somebody_listens_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert not is_free(listener.getsockname()[1])
