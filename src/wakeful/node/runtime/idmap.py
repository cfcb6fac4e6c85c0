"""Which users outside stand for the users inside: none of them is anybody on the host."""

from __future__ import annotations

from collections.abc import Iterable

FIRST_ID = 0x7001_0000
"""Outside number of user 0 inside. The range is far above what distributions give to people
(subuid starts at 100000) and what systemd-nspawn takes."""
RANGE = 0x1_0000
DEFAULT_UID = 65532
"""``nonroot`` of distroless images; who runs on the host's root file system."""
_HIGHEST = 0xFFFF_FFFE


def id_map(ids: Iterable[int]) -> tuple[tuple[int, int, int], ...]:
    """Return the mapping (inside, outside, count): the usual range, and larger ``ids`` one by one.

    Raises:
        ValueError: An id cannot exist.
    """
    large = sorted({number for number in ids if number >= RANGE})
    if any(number > _HIGHEST for number in large):
        raise ValueError(f"user {large[-1]} is beyond what the kernel knows")
    extra = tuple((number, FIRST_ID + RANGE + i, 1) for i, number in enumerate(large))
    return ((0, FIRST_ID, RANGE), *extra)


def outside(mapping: Iterable[tuple[int, int, int]], number: int) -> int:
    """Return the outside number of ``number``.

    Raises:
        ValueError: It is not mapped.
    """
    for inside, first, count in mapping:
        if inside <= number < inside + count:
            return first + number - inside
    raise ValueError(f"user {number} is not mapped")
