"""The hook in real interpreters: what it notes, imports ahead and leaves to the start."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable

import pytest
from support_hook import Folder, Parked

from wakeful.node.zygote import hook
from wakeful.node.zygote.messages import Left, Loaded, Unfit

MAIN = """
import os, sys, threading
import slow, extra.deep
if "--late" in sys.argv:
    import json.tool
print("main", slow.born, sorted(k for k in os.environ if "ZYGOTE" in k or k == "PYTHONPATH"))
print("path", sys.path[0] == os.path.dirname(os.path.abspath(__file__)), len(sys.path))
print("argv", sys.argv)
"""
THREAD = "import threading as t\nt.Thread(target=t.Event().wait, daemon=True).start()"


@pytest.fixture(autouse=True)
def modules(folder: Folder) -> None:
    """The application of most tests here."""
    folder.module("main", MAIN)
    folder.module("slow", "import decimal, os, time\nborn = os.getpid()\n")
    folder.module("extra.__init__", "")
    folder.module(
        "extra.deep", "import wave\ntry:\n    import not_there\nexcept ImportError:\n    pass\n"
    )


def test_recorded_then_parked_then_begun(folder: Folder, park: Callable[..., Parked]) -> None:
    """What was seen is imported ahead; the program then runs as if nothing had been."""
    recipe, plain = folder.record("--late")
    assert recipe is not None
    for name in ("slow", "decimal", "extra.deep", "wave", "json.tool"):
        assert name in recipe.ahead
    assert "__main__" not in recipe.ahead

    parked = park(folder, recipe, "--late")
    loaded = parked.hear()
    assert isinstance(loaded, Loaded)
    assert loaded.modules > 10
    assert loaded.resident_kib > 5000
    pid = parked.process.pid
    out = parked.go()

    assert f"main {pid} []" in out  # imported by this very process; no trace of the hook
    assert out.splitlines()[1:] == plain.splitlines()[1:]
    assert parked.process.returncode == 0
    assert parked.hear() is None


@pytest.mark.parametrize("form", ["module", "script", "shell", "migration"])
def test_any_way_to_start_python(folder: Folder, form: str, park: Callable[..., Parked]) -> None:
    """``-m``, a script with its interpreter in the first line, shells that wait for their child."""
    script = folder.root / "serve"
    script.write_text(f"#!{sys.executable}\nimport sys\nsys.path.insert(0, '')\nimport main\n")
    script.chmod(0o755)
    folder.module("migrate", "print('migrated')")
    folder.command = {
        "module": (sys.executable, "-m", "main"),
        "script": (str(script), "--bind", ":8080"),
        "shell": ("/bin/sh", "-c", f"{sys.executable} main.py; true"),
        "migration": ("/bin/sh", "-c", f"{sys.executable} migrate.py && exec {script}"),
    }[form]
    recipe, plain = folder.record()
    assert recipe is not None
    parked = park(folder, recipe)
    assert isinstance(parked.hear(), Loaded)
    lines = parked.go().splitlines()
    # Which process has imported it is the one thing that differs.
    assert [re.sub(r"main \d+", "main", line) for line in lines] == [
        re.sub(r"main \d+", "main", line) for line in plain.splitlines()
    ]
    if form == "migration":
        assert lines[0] == "migrated"


def test_end_of_the_other_side_begins(folder: Folder, park: Callable[..., Parked]) -> None:
    """A process whose keeper is gone for good does not wait for ever."""
    recipe, _ = folder.record()
    assert recipe is not None
    parked = park(folder, recipe)
    assert isinstance(parked.hear(), Loaded)
    parked.sock.close()
    out, _ = parked.process.communicate(timeout=30)
    assert out.startswith("main")


def test_another_interpreter_runs_plainly(folder: Folder, park: Callable[..., Parked]) -> None:
    """The plan means one command line; what else the container starts is not held up."""
    recipe, _ = folder.record()
    assert recipe is not None
    parked = park(folder, recipe, "--late")
    out, _ = parked.process.communicate(timeout=30)
    assert out.startswith("main")
    assert parked.hear() is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            THREAD,
            "started threads",
        ),
        ("import socket\nkept = socket.socket()", "opened sockets"),
        ("import sys\nsys.path.append('/nowhere')", "changed the path of modules"),
        (
            "import sys\nif not hasattr(sys.modules['__main__'], '__file__'): raise SystemExit(3)",
            "failed (SystemExit)",
        ),
    ],
)
def test_what_must_not_be_ahead_is_left_out(
    folder: Folder, park: Callable[..., Parked], text: str, why: str
) -> None:
    """It begins again without the module, and what that has done is done at the start."""
    folder.module("extra.deep", text)
    recipe, _ = folder.record()
    assert recipe is not None

    parked = park(folder, recipe)
    left = parked.hear()
    assert isinstance(left, Left)
    assert left.why == f"extra.deep {why}"
    assert "extra.deep" in left.names
    assert isinstance(parked.hear(), Loaded)
    assert "main" in parked.go()

    again = park(folder, recipe.without(left.names))
    assert isinstance(again.hear(), Loaded)  # at once
    again.go()


def test_hopeless_ones_run_plainly(folder: Folder, park: Callable[..., Parked]) -> None:
    """After some rounds it gives up, says so, and begins."""
    for number in range(hook.ROUNDS + 1):
        folder.module(f"bad{number}", THREAD)
    imports = "\n".join(f"import bad{number}" for number in range(hook.ROUNDS + 1))
    folder.module("main", f"{imports}\nprint('main')")
    recipe, _ = folder.record()
    assert recipe is not None
    parked = park(folder, recipe)
    heard = []
    while (message := parked.hear()) is not None:
        heard.append(message)
    assert [type(m) for m in heard] == [Left] * (hook.ROUNDS - 1) + [Unfit]
    out, _ = parked.process.communicate(timeout=30)
    assert out == "main\n"


def test_the_hidden_sitecustomize_has_its_turn(folder: Folder, park: Callable[..., Parked]) -> None:
    """An image may have one of its own."""
    (folder.root / "own").mkdir()
    (folder.root / "own" / "sitecustomize.py").write_text("import os\nos.environ['OWN'] = '1'\n")
    folder.env["PYTHONPATH"] = str(folder.root / "own")
    folder.module("main", "import os\nprint(os.environ['OWN'], os.environ['PYTHONPATH'])")
    recipe, plain = folder.record()
    assert recipe is not None
    parked = park(folder, recipe)
    assert isinstance(parked.hear(), Loaded)
    assert parked.go() == plain == f"1 {folder.root / 'own'}\n"


def test_forked_workers_are_noted_too(folder: Folder) -> None:
    """Servers that fork import the application in their workers."""
    folder.module(
        "main", "import os\nif not os.fork():\n    import slow\n    os._exit(0)\nos.wait()\n"
    )
    recipe, _ = folder.record()
    assert recipe is not None
    assert "slow" in recipe.ahead


def test_what_is_only_looked_for_is_not_noted(folder: Folder) -> None:
    """Programs ask what is installed; that is not to import it."""
    text = "import importlib.util as u\nu.find_spec('slow')\nimport wave\nimport decimal\n"
    folder.module("main", text)
    recipe, _ = folder.record()
    assert recipe is not None
    assert "slow" not in recipe.ahead
    assert {"wave", "decimal"} <= set(recipe.ahead)


@pytest.mark.parametrize(
    ("text", "apart", "unfit"),
    [
        ("import subprocess as s, sys\ns.run([sys.executable, '-c', ''])", True, False),
        ("import subprocess as s\ns.run(['true'])", False, False),
        ("import os\nos.spawnlp(os.P_WAIT, 'true', 'true')", False, False),
        ("import os, sys\nos.execv(sys.executable, ['x', '-c', 'import slow'])", False, True),
        (
            "import multiprocessing as m, time\nif __name__ == '__main__':\n"
            "    p = m.get_context('spawn').Process(target=time.time)\n    p.start()\n    p.join()",
            True,
            False,
        ),
    ],
)
def test_what_goes_on_elsewhere_is_told(
    folder: Folder, text: str, apart: bool, unfit: bool
) -> None:
    """Interpreters that the program starts are not waiting; one that it becomes is unknown."""
    folder.module("main", text)
    recipe, _ = folder.record()
    assert recipe is not None
    assert ("starts interpreters" in recipe.apart, "replaces itself" in recipe.unfit) == (
        apart,
        unfit,
    )


def test_without_the_descriptor_nothing_happens(folder: Folder) -> None:
    """A second program of the container, such as one of ``kubectl exec``."""
    process = folder.start("park:1:0", {})
    out, err = process.communicate(timeout=30)
    assert not err
    assert out.startswith("main")
