"""Nonsense under any key of any map that the platform reads is refused, or does nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

import pytest

from wakeful.apis.autoscaling import parse_config as parse_autoscaler
from wakeful.apis.pipeline.config import parse_defaults, parse_flags
from wakeful.apis.serving.config import VALIDATORS as SERVING
from wakeful.reconciler.eventing.configs import VALIDATORS as EVENTING

Parse = Callable[[Mapping[str, str]], object]
PARSERS: dict[str, Parse] = {
    **SERVING,
    **EVENTING,
    "config-autoscaler": parse_autoscaler,
    "pipelines config-defaults": parse_defaults,
    "feature-flags": parse_flags,
}
JUNK = [
    "", " ", "x", "-1", "1e400", "9" * 1000, "nan", "true", "null", "[", "{", "{}", "[]", "- a",
    "a: &a [*a]", '{"a":' + "[" * 5000, "a: [" * 200, "%", "\x00", "\ud800", "1h", "-5s", "٣",
    "{{", "{{.Nope}}", "{{range .}}", "http://[::1", "* * * * *", "x" * 100_000, "a: 2026-13-45",
    "!!python/object:os.system {}", "? [a]\n: b", "<<: *x",
]  # fmt: skip


class Keys(Mapping[str, str]):
    """An empty map that remembers what was looked for."""

    def __init__(self) -> None:
        self.asked: set[str] = set()

    def __getitem__(self, key: str) -> str:
        self.asked.add(key)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def keys_of(parse: Parse) -> list[str]:
    keys = Keys()
    with suppress(ValueError):  # it must have a key
        parse(keys)
    return [*sorted(keys.asked), "example.org", "no-such-key"]


@pytest.mark.parametrize("name", PARSERS)
def test_junk_is_refused_as_a_bad_value(name: str) -> None:
    """What is raised otherwise would be a 500."""
    parse = PARSERS[name]
    for key in keys_of(parse):
        for text in JUNK:
            with suppress(ValueError):
                parse({key: text})
