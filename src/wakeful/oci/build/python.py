"""Python sources: dependencies beside the application, started by a Python of this machine."""

from __future__ import annotations

import importlib.util
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from wakeful.oci.build.interpreter import Interpreter, find_interpreter
from wakeful.oci.build.model import WORKSPACE, Recipe, Source
from wakeful.oci.build.workbench import Workbench
from wakeful.oci.errors import BuildError

PACKAGES = f"{WORKSPACE}/.packages"
_PROGRAMS = ".python/bin"
"""In the application's directory: the interpreter, by the names that scripts use."""

_MAINS = ("main.py", "app.py", "server.py")
_LAUNCHER = ".wakeful_launcher.py"


class PythonDetector:
    """A ``main.py``, ``app.py`` or ``server.py``, or the files of a Python project."""

    name = "python"

    def detect(self, source: Source) -> bool:
        """Whether there is something of Python at the top of the source."""
        return bool(source.first("requirements.txt", "pyproject.toml", *_MAINS)) or bool(
            _only_script(source)
        )

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """Install the dependencies and compile the application."""
        recipe, interpreter = await prepare_python(source, bench)
        main = source.first(*_MAINS) or _only_script(source)
        if not main:
            return replace(recipe, hint="name the main module main.py or app.py")
        return replace(recipe, command=(interpreter.path, main))


class FunctionDetector:
    """A ``func.py`` whose ``handle`` (or ``main``) answers one request or event at a time."""

    name = "python-function"

    def detect(self, source: Source) -> bool:
        """Whether there is a ``func.py`` and nothing else that could be the main module."""
        return source.has("func.py") and not source.first(*_MAINS)

    async def prepare(self, source: Source, bench: Workbench) -> Recipe:
        """As any Python source, with a small server in front of the function."""
        text = source.text("func.py")
        if not any(f"def {name}(" in text for name in ("handle", "main")):
            raise BuildError(
                str(source.path),
                "func.py defines no function handle(context); ASGI applications and classes are "
                "started by a server of their own: name it in a Procfile",
            )
        recipe, interpreter = await prepare_python(source, bench)
        launcher = files("wakeful.oci.build").joinpath("launcher.py").read_bytes()
        (bench.app / _LAUNCHER).write_bytes(launcher)
        env = {**recipe.env, **_function_env(source)}
        return replace(recipe, command=(interpreter.path, _LAUNCHER), env=env)


async def prepare_python(source: Source, bench: Workbench) -> tuple[Recipe, Interpreter]:
    """Lay dependencies into a layer of their own; compile the application's modules."""
    project = _project(source)
    requirement = str(project.get("requires-python") or "")
    interpreter = await find_interpreter(requirement, subject=str(source.path))
    requirements = _requirements(source, project)
    env = {"PYTHONUNBUFFERED": "1", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    path: tuple[str, ...] = (f"{WORKSPACE}/{_PROGRAMS}",)
    _link_interpreter(bench.app / _PROGRAMS, interpreter)
    if requirements:

        async def install(target: Path) -> None:
            await _install(requirements, target, interpreter, bench)

        key = (str(interpreter), *sorted(_requirement_texts(source)), requirements)
        await bench.cached_layer(key, PACKAGES, install)
        env["PYTHONPATH"] = PACKAGES
        path = (f"{PACKAGES}/bin", *path)
    await _compile(bench.app, WORKSPACE, interpreter, bench)
    programs = {"python": interpreter.path, "python3": interpreter.path}
    recipe = Recipe(env=env, path=path, programs=programs, host_paths=interpreter.host_paths)
    return recipe, interpreter


def _link_interpreter(programs: Path, interpreter: Interpreter) -> None:
    """Let ``python`` in a shell be the interpreter the image was made for; many hosts have none."""
    programs.mkdir(parents=True, exist_ok=True)
    for name in ("python", "python3"):
        link = programs / name
        link.unlink(missing_ok=True)
        link.symlink_to(interpreter.path)


async def _install(
    requirements: str, target: Path, interpreter: Interpreter, bench: Workbench
) -> None:
    listing = bench.scratch / "requirements.txt"
    listing.write_text(requirements)
    await bench.run(
        [
            *_pip(interpreter, str(bench.source)),
            "install",
            "--disable-pip-version-check",
            "--no-compile",
            "--no-input",
            "--root-user-action=ignore",
            f"--target={target}",
            f"--requirement={listing}",
        ],
        cwd=bench.source,
    )
    await _compile(target, PACKAGES, interpreter, bench)


def _pip(interpreter: Interpreter, subject: str) -> list[str]:
    """A pip that installs for ``interpreter``, which need not have one itself."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", f"--python={interpreter.path}"]
    for name in ("pip3", "pip"):
        if (program := shutil.which(name)) is not None:
            return [program, f"--python={interpreter.path}"]
    raise BuildError(subject, "has dependencies, and no pip was found; install python3-pip")


async def _compile(content: Path, target: str, interpreter: Interpreter, bench: Workbench) -> None:
    """Write bytecode, which a read-only image cannot do at run time."""
    argv = [interpreter.path, "-ISm", "compileall", "-q", "--invalidation-mode=unchecked-hash"]
    await bench.run([*argv, "-s", str(content), "-p", target, str(content)], check=False)


def _project(source: Source) -> Mapping[str, Any]:
    if not source.has("pyproject.toml"):
        return {}
    try:
        project = tomllib.loads(source.text("pyproject.toml")).get("project", {})
    except tomllib.TOMLDecodeError as error:
        raise BuildError(str(source.path), f"pyproject.toml cannot be read: {error}") from error
    return project if isinstance(project, dict) else {}


def _requirements(source: Source, project: Mapping[str, Any]) -> str:
    """What to install, in the language of a requirements file; "" for nothing."""
    if source.has("requirements.txt"):
        lines = [
            line.partition(" #")[0].strip() for line in source.text("requirements.txt").splitlines()
        ]
        wanted = any(line and not line.startswith("#") for line in lines)
        return f"--requirement={source.path / 'requirements.txt'}\n" if wanted else ""
    dependencies = project.get("dependencies")
    return "".join(f"{d}\n" for d in dependencies) if isinstance(dependencies, list) else ""


def _requirement_texts(source: Source) -> list[str]:
    """Every file that a requirements file may include."""
    found = [*source.path.glob("*requirements*.txt"), *source.path.glob("*constraints*.txt")]
    return [path.read_text(errors="replace") for path in sorted(found)]


def _only_script(source: Source) -> str:
    scripts = [p.name for p in source.path.glob("*.py") if p.name not in ("setup.py", "func.py")]
    return scripts[0] if len(scripts) == 1 else ""


def _function_env(source: Source) -> dict[str, str]:
    """The plain variables of a ``func.yaml``."""
    try:
        wire = yaml.safe_load(source.text("func.yaml")) or {}
        listed = (wire.get("run") or {}).get("envs") or wire.get("envs") or []
        return {str(v["name"]): str(v["value"]) for v in listed if "{{" not in str(v["value"])}
    except (yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise BuildError(str(source.path), f"func.yaml cannot be read: {error}") from error
