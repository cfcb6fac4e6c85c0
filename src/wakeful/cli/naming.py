"""How the words of a command name objects."""

from __future__ import annotations

from wakeful.cli.output import fail


def split_target(words: list[str]) -> tuple[str, list[str]]:
    """Split ``KIND [NAME…]`` or ``KIND/NAME``."""
    kind, _, name = words[0].partition("/")
    return kind, [name, *words[1:]] if name else words[1:]


def named_objects(words: list[str]) -> list[tuple[str, str]]:
    """Kind and name of each object in ``KIND NAME…`` or ``KIND/NAME KIND/NAME…``."""
    kind, found = words[0], []
    for index, word in enumerate(words):
        before, slash, after = word.partition("/")
        if slash:
            kind = before
            found.append((kind, after))
        elif index:
            found.append((kind, word))
    if not found:
        fail(f"name the {kind}")
    return found


def one_object(words: list[str], default_kind: str) -> tuple[str, str]:
    """Kind and name of the one object in ``NAME``, ``KIND NAME`` or ``KIND/NAME``."""
    if len(words) == 1 and "/" not in words[0]:
        words = [default_kind, words[0]]
    objects = named_objects(words)
    if len(objects) > 1 or not all(objects[0]):
        fail(f"{' '.join(words)!r}: name one object, as NAME, KIND NAME or KIND/NAME")
    return objects[0]
