"""The command of a Procfile."""

from __future__ import annotations

import pytest

from wakeful.oci.build.model import Recipe
from wakeful.oci.build.procfile import make_command

RECIPE = Recipe(programs={"python3": "/usr/bin/python3.11"})


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("python3 -S app.py 'a b'", ("/usr/bin/python3.11", "-S", "app.py", "a b")),
        ("gunicorn app:app", ("gunicorn", "app:app")),
        ("exec python app.py", ("/bin/sh", "-c", "exec python app.py")),
        ("node x.js --port=$PORT", ("/bin/sh", "-c", "exec node x.js --port=$PORT")),
        ("a && b", ("/bin/sh", "-c", "a && b")),
        ("X=1 python3 app.py", ("/bin/sh", "-c", "X=1 python3 app.py")),
    ],
)
def test_a_shell_runs_only_what_needs_one(text: str, command: tuple[str, ...]) -> None:
    """Plain words are started directly, with this machine's programs."""
    assert make_command(text, RECIPE) == command
