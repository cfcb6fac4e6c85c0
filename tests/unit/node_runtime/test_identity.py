"""Users and capabilities of containers."""

from __future__ import annotations

import pytest

from wakeful.node.runtime import capabilities, idmap


def test_usual_users_share_one_mapping() -> None:
    """None of them is anybody outside."""
    mapping = idmap.id_map((0, 1000, 65535))

    assert mapping == ((0, idmap.FIRST_ID, 65536),)
    assert idmap.outside(mapping, 0) == idmap.FIRST_ID
    assert idmap.outside(mapping, 1000) == idmap.FIRST_ID + 1000


def test_large_users_get_a_place_of_their_own() -> None:
    """As platforms that number users by namespace use them."""
    mapping = idmap.id_map((1_000_650_000, 1_000_650_000, 2_000_000_000))

    assert idmap.outside(mapping, 1_000_650_000) == idmap.FIRST_ID + 65536
    assert idmap.outside(mapping, 2_000_000_000) == idmap.FIRST_ID + 65537


def test_impossible_users_are_refused() -> None:
    """-1 means nobody to the kernel."""
    with pytest.raises(ValueError, match="beyond"):
        idmap.id_map((0xFFFF_FFFF,))
    with pytest.raises(ValueError, match="not mapped"):
        idmap.outside(idmap.id_map(()), 70_000)


def test_root_has_what_engines_give_and_others_have_nothing() -> None:
    """Unless asked for."""
    assert capabilities.effective(None, 0) == capabilities.ENGINE_DEFAULT
    assert capabilities.effective(None, 1000) == ()
    assert capabilities.effective((), 0) == ()
    assert capabilities.effective(["CAP_NET_BIND_SERVICE", "kill"], 5) == (
        "KILL",
        "NET_BIND_SERVICE",
    )
    with pytest.raises(ValueError, match="unknown"):
        capabilities.effective(["FLY"], 0)


def test_mask_has_a_bit_for_each() -> None:
    """By the kernel's numbers."""
    assert capabilities.mask(["CHOWN", "KILL", "CHECKPOINT_RESTORE"]) == 1 | 1 << 5 | 1 << 40
