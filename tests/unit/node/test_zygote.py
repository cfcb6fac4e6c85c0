"""What a zygote is made from, and what is believed of what instances say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from wakeful.apis.core.pod_types import Pod
from wakeful.node.zygote.choice import NOT_SANDBOXED, Choice, Mode, choose
from wakeful.node.zygote.messages import Left, Loaded, Message, Unfit, parse_message
from wakeful.node.zygote.recipes import KEPT, RecipeKey, RecipeStore
from wakeful.node.zygote.recording import LIMIT_NAMES, Recipe, parse_recording

KEY = RecipeKey("a1-b2", "user-container")


def recorded(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def an_interpreter(tag: int, *names: str, argv: bytes = b"python\0main.py\0") -> bytes:
    path = b"/app\0/lib".hex()
    notes = [f"{tag} argv {argv.hex()}", f"{tag} path {path}"]
    return recorded(*notes, *(f"{tag} name {name}" for name in names))


def test_recording_becomes_recipe() -> None:
    recipe = parse_recording(an_interpreter(7, "json", "flask", "json", "__main__", "flask.app"))
    assert recipe == Recipe(b"python\0main.py\0", ("/app", "/lib"), ("json", "flask", "flask.app"))
    assert recipe.plan().splitlines()[2:] == ["name json", "name flask", "name flask.app"]
    less = recipe.without(["flask", "flask.app", "no name"])
    assert less.ahead == ("json",)
    assert less.left_out == {"flask", "flask.app"}


def test_the_interpreter_with_most_modules_is_meant() -> None:
    """A migration may run before the server; numbers of processes come again."""
    data = an_interpreter(7, "a", argv=b"python\0migrate.py\0")
    data += an_interpreter(9, "a", "b", "c", argv=b"python\0gunicorn\0")
    data += an_interpreter(7, "a", "b")
    recipe = parse_recording(data)
    assert recipe is not None
    assert recipe.argv == b"python\0gunicorn\0"
    assert recipe.names == ("a", "b", "c")


def test_what_patches_the_library_is_not_overtaken() -> None:
    """gevent has to change ``ssl`` before others import it: nothing after it comes ahead."""
    recipe = parse_recording(an_interpreter(7, "json", "gevent.monkey", "ssl", "requests"))
    assert recipe is not None
    assert recipe.ahead == ("json",)
    assert recipe.apart == "nothing from gevent on is ahead: it changes the standard library"


@pytest.mark.parametrize(
    ("words", "names", "ahead"),
    [
        (["python", "-m", "main"], ["main", "json"], ("json",)),
        (["python", "-u", "-X", "dev", "-Wd", "-m", "main"], ["main", "json"], ("json",)),
        (["python", "-um", "app.main", "-v"], ["app", "app.main", "json"], ("app", "json")),
        (["python", "-mapp"], ["app", "app.__main__", "json"], ("app", "json")),
        (["python", "main.py", "-m", "json"], ["main", "json"], ("main", "json")),
        (["python", "-c", "import main", "-m", "json"], ["main", "json"], ("main", "json")),
        (["python"], ["json"], ("json",)),
    ],
)
def test_the_program_is_not_imported(
    words: list[str], names: list[str], ahead: tuple[str, ...]
) -> None:
    """``python -m`` looks for its module as an import would, and imports its packages."""
    argv = "".join(f"{word}\0" for word in words).encode()
    recipe = parse_recording(an_interpreter(7, *names, argv=argv))
    assert recipe is not None
    assert recipe.ahead == ahead


def test_the_last_one_may_have_been_imported() -> None:
    """Nothing was looked for after it, which would have shown it."""
    recipe = parse_recording(an_interpreter(7, "json") + recorded("7 try json", "7 try flask"))
    assert recipe is not None
    assert recipe.ahead == ("json", "flask")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\n",
        b"7 name json\n",
        b"x argv 00\n",
        b"7 argv zz\n7 name json\n",
        recorded("7 argv ", "7 name json"),
    ],
)
def test_junk_is_no_recording(data: bytes) -> None:
    assert parse_recording(data) is None


def test_names_are_names_and_not_too_many() -> None:
    names = ["os; import evil", "a b", "../x", "a..b", "x" * 300, *(f"m{n}" for n in range(6000))]
    recipe = parse_recording(an_interpreter(7, *names))
    assert recipe is not None
    assert recipe.names == tuple(f"m{n}" for n in range(LIMIT_NAMES))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"loaded 212 310 44032", Loaded(212, 310, 44032)),
        (b"left app started threads\tapp app.db", Left("app started threads", ("app", "app.db"))),
        (b"unfit x started threads", Unfit("x started threads")),
        (b"loaded many", None),
        (b"loaded 1 2", None),
        (b"hello", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_messages(line: bytes, message: Message | None) -> None:
    assert parse_message(line) == message


@pytest.mark.parametrize(
    ("parked", "recipe", "sandboxed", "choice"),
    [
        (True, Recipe(names=("a",)), True, Choice(Mode.PARK)),
        (False, Recipe(names=("a",)), True, Choice(Mode.PLAIN)),
        (True, None, True, Choice(Mode.RECORD)),
        (False, None, True, Choice(Mode.RECORD)),
        (True, Recipe(unfit="no"), True, Choice(Mode.PLAIN, "no")),
        (True, Recipe(names=("a",)), False, Choice(Mode.PLAIN, NOT_SANDBOXED)),
    ],
)
def test_choice(parked: bool, recipe: Recipe | None, sandboxed: bool, choice: Choice) -> None:
    """Nothing is parked that was not seen to start."""
    assert choose(parked=parked, recipe=recipe, sandboxed=sandboxed) == choice


def test_recipes_are_kept(tmp_path: Path) -> None:
    recipe = Recipe(b"python\0", ("/app",), ("a", "b"), frozenset({"b"}), "")
    store = RecipeStore(tmp_path / "zygotes")
    assert store.get(KEY) is None
    store.put(KEY, recipe)
    assert RecipeStore(tmp_path / "zygotes").get(KEY) == recipe
    (tmp_path / "zygotes" / KEY.file).write_text("{")
    assert RecipeStore(tmp_path / "zygotes").get(KEY) is None


def test_what_zygotes_have_shown_is_not_forgotten(tmp_path: Path) -> None:
    """The instance that was recorded may end after its successor has found out what to leave."""
    store, seen = RecipeStore(tmp_path), Recipe(b"python\0", ("/app",), ("a", "b"))
    store.put(KEY, Recipe(unfit="no Python"))
    store.record(KEY, seen)
    assert store.get(KEY) == seen
    store.put(KEY, seen.without(["b"]))
    store.record(KEY, seen)
    assert store.get(KEY) == seen.without(["b"])


def test_the_oldest_recipes_go(tmp_path: Path) -> None:
    store = RecipeStore(tmp_path)
    for number in range(KEPT + 5):
        path = tmp_path / f"{number}.json"
        path.write_text("{}")
        os.utime(path, (number, number))
    store.put(KEY, Recipe(unfit="x"))
    left = {path.name for path in tmp_path.iterdir()}
    assert len(left) == KEPT + 1
    assert "4.json" not in left
    assert KEY.file in left


def test_what_is_being_noted_comes_first(tmp_path: Path) -> None:
    store = RecipeStore(tmp_path)

    def note() -> None:
        store.put(KEY, Recipe(names=("fresh",)))

    store.listen(KEY, note)
    assert store.get(KEY) == Recipe(names=("fresh",))
    store.unlisten(KEY, note)


@pytest.mark.parametrize("uid", ["", "../../etc", "a/b", "x" * 80])
def test_keys_are_of_revisions(uid: str) -> None:
    labels = {"serving.knative.dev/revisionUID": uid}
    pod = Pod.from_wire({"metadata": {"name": "p", "labels": labels}})
    assert RecipeKey.of(pod, "c") is None
