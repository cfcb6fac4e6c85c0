"""Why nobody answers at a port, told from the sockets of the program."""

from __future__ import annotations

import os
import socket

import pytest

from wakeful.node.listening import (
    Listener,
    Looks,
    explain_misplaced,
    explain_refusal,
    listeners_of,
    parse_table,
)

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1
   1: 00000000:270F 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2 1
   2: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 3 1
"""
TABLE6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000000000000:1F90 00000000000000000000000000000000:0000 0A 0 0
   1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0 0
   2: 0000000000000000FFFF00000100007F:1F91 00000000000000000000000000000000:0000 0A 0 0
"""


def test_only_sockets_that_listen_are_read_from_the_kernels_tables() -> None:
    """Addresses are in the byte order of the processor, four bytes at a time."""
    assert list(parse_table(TABLE)) == [Listener(8080, "127.0.0.1"), Listener(9999, "0.0.0.0")]
    assert list(parse_table(TABLE6)) == [
        Listener(8080, "::"),
        Listener(80, "::1"),
        Listener(8081, "127.0.0.1"),
    ]


@pytest.mark.parametrize(
    ("listeners", "expected"),
    [
        ([], "does not listen on any port"),
        ([Listener(8080, "127.0.0.1")], "listens on 127.0.0.1:8080, which nobody outside"),
        ([Listener(8080, "::1")], "listens on [::1]:8080, which nobody outside"),
        ([Listener(9999, "0.0.0.0")], "listens on port 9999, not on 8080; have it"),
        ([Listener(1, "::"), Listener(9, "0.0.0.0")], "listens on ports 1, 9, not on 8080"),
        ([Listener(8080, "127.0.0.1"), Listener(8080, "0.0.0.0")], ""),
    ],
)
def test_a_refusal_is_explained_by_where_the_program_listens(
    listeners: list[Listener], expected: str
) -> None:
    """The usual two mistakes, and a program that has not come that far."""
    told = explain_refusal(listeners, 8080)

    assert expected in told
    assert bool(expected) == bool(told)


def test_the_sockets_of_a_program_in_our_network_are_its_own() -> None:
    """Without networks of their own, others listen there too."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        host, port = listening.getsockname()

        found = listeners_of(os.getpid())

    assert found is not None
    assert Listener(port, host) in found


def test_a_program_that_is_gone_cannot_be_looked_at() -> None:
    """Nothing is claimed about it."""
    assert listeners_of(2**22 + 1) is None


def test_what_is_seen_once_may_be_about_to_change() -> None:
    """A program may open the port for its metrics a moment before the one that counts."""
    looks = Looks()

    assert [looks.is_news(why) for why in ("", "9090", "9999", "9999", "9999", "")] == [
        *(False, False, False, True, False, False)
    ]
    assert not looks.is_news("9999")
    assert not looks.is_news("9999"), "it was told"


def test_looks_are_taken_twice_a_second() -> None:
    """The program is asked much more often, and needs the processor itself."""
    looks = Looks()

    due = [second for second in range(0, 2000, 10) if looks.is_due(second / 1000)]

    assert due == [500, 1000, 1500]


def test_only_what_listens_can_be_misplaced() -> None:
    assert explain_misplaced([], 8080) == ""
    assert "not on 8080" in explain_misplaced([Listener(9999, "0.0.0.0")], 8080)
    assert explain_misplaced([Listener(8080, "0.0.0.0")], 8080) == ""
