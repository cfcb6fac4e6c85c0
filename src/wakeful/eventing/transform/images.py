"""The image in which expressions run: our program and the JSONata library, on the host's Python."""

from __future__ import annotations

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from wakeful.apis.eventing.register import TRANSFORM_IMAGE
from wakeful.eventing.samples.images import Contents, LazyContents, module_files
from wakeful.oci.builtin import BuiltinImage, Program

_LIBRARY = "/.wakeful/lib"
_START = "/.wakeful/bin/event-transform"
_OURS = (
    "eventing/samples/httpd.py",
    "eventing/samples/messages.py",
    "eventing/transform/program.py",
)
_PACKAGES = ("", "eventing/", "eventing/samples/", "eventing/transform/")


def _library() -> Path:
    """Where JSONata lies, without loading it."""
    spec = find_spec("jsonata")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _contents() -> Contents:
    found: Contents = {
        f"{_LIBRARY}/wakeful/{package}__init__.py": Program(text="") for package in _PACKAGES
    }
    ours = files("wakeful")
    for name in _OURS:
        text = ours.joinpath(name).read_text("utf-8")
        found |= module_files(f"{_LIBRARY}/wakeful/{name}", text)
    for module in _library().glob("*.py"):
        found |= module_files(f"{_LIBRARY}/jsonata/{module.name}", module.read_text("utf-8"))
    found[_START] = Program(
        text="#!@python -IS\n"
        "import sys\n"
        f'sys.path.insert(0, "{_LIBRARY}")\n'
        "from wakeful.eventing.transform.program import main\n"
        "main()\n"
    )
    return found


TRANSFORMS: tuple[BuiltinImage, ...] = (
    BuiltinImage(
        name="event-transform",
        description="the platform's own JSONata transformation",
        patterns=(TRANSFORM_IMAGE,),
        entrypoint=(_START,),
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
        ports=(8080,),
        contents=LazyContents(_contents),
        always=True,
    ),
)
