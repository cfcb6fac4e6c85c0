"""What a new run should be: parameters, workspaces, the working tree. Pure, apart from copying."""

from __future__ import annotations

import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from wakeful.apimachinery.errors import WakefulError

JSON = dict[str, Any]

_SOURCE_NAMES = ("source", "shared-workspace", "shared-data", "src", "git-source", "workspace")
_KINDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "emptyDir": lambda _: {"emptyDir": {}},
    "claimName": lambda value: {"persistentVolumeClaim": {"claimName": value}},
    "secret": lambda value: {"secret": {"secretName": value}},
    "config": lambda value: {"configMap": {"name": value}},
}


class StartError(WakefulError):
    """A run cannot be made of what was given."""


def parse_params(texts: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=VALUE``.

    Raises:
        StartError: There is no ``=``.
    """
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise StartError(f"--param {text!r}: write NAME=VALUE")
        found[name] = value
    return found


def fill_params(
    declared: Sequence[Mapping[str, Any]],
    given: Mapping[str, str],
    ask: Callable[[str, str], str] | None,
) -> list[JSON]:
    """The parameters of a run; what has no default and was not given is asked for.

    Raises:
        StartError: A name is unknown, or something is missing and nobody can be asked.
    """
    known = {str(param["name"]): param for param in declared}
    unknown = [name for name in given if name not in known]
    if unknown:
        there = f"it has {', '.join(known)}" if known else "it has none"
        raise StartError(f"the pipeline has no parameter {unknown[0]!r}; {there}")
    filled: dict[str, str] = dict(given)
    missing = [n for n, param in known.items() if n not in filled and "default" not in param]
    if missing and ask is None:
        names = ", ".join(missing)
        raise StartError(f"missing parameters: {names}; give them with -p NAME=VALUE")
    for name in missing:
        assert ask is not None
        filled[name] = ask(name, str(known[name].get("description") or ""))
    return [{"name": n, "value": _typed(value, known[n])} for n, value in filled.items()]


def _typed(text: str, declared: Mapping[str, Any]) -> Any:
    """Arrays are given with commas between, objects as ``key:value,key:value``."""
    match declared.get("type"):
        case "array":
            return text.split(",") if text else []
        case "object":
            pairs = (part.partition(":") for part in text.split(",") if part)
            return {key.strip(): value.strip() for key, _, value in pairs}
        case _:
            return text


def parse_workspace(text: str) -> JSON:
    """Read ``name=NAME,emptyDir=``, ``name=NAME,claimName=C,subPath=P`` and so on, as tkn does.

    Raises:
        StartError: It cannot be read.
    """
    parts = dict(part.partition("=")[::2] for part in text.split(","))
    name = parts.pop("name", "")
    if not name:
        raise StartError(f"--workspace {text!r}: name is missing")
    binding: JSON = {"name": name}
    if path := parts.pop("subPath", ""):
        binding["subPath"] = path
    for kind, value in parts.items():
        make = _KINDS.get(kind)
        if make is None:
            known = ", ".join((*_KINDS, "subPath"))
            raise StartError(f"--workspace {text!r}: {kind!r} is none of {known}")
        binding |= make(value)
    return binding


def fill_workspaces(
    declared: Sequence[Mapping[str, Any]], given: Sequence[str], claim: str
) -> tuple[list[JSON], str]:
    """The workspaces of a run, and the one that holds the working tree.

    ``claim`` is the volume claim with the working tree, "" without one. It becomes the workspace
    that is free and sounds like it; other free ones are volumes of the run's own.

    Raises:
        StartError: There is no workspace for the tree.
    """
    bound = [parse_workspace(text) for text in given]
    taken = {binding["name"] for binding in bound}
    free = [w for w in declared if w["name"] not in taken]
    source = ""
    if claim and free:
        names = [w["name"] for w in free]
        source = next((n for n in _SOURCE_NAMES if n in names), "")
        needed = [w["name"] for w in free if not w.get("optional")]
        source = source or (needed or names)[0]
        bound.append({"name": source, "persistentVolumeClaim": {"claimName": claim}})
    bound += [
        {"name": workspace["name"], "volumeClaimTemplate": _template()}
        for workspace in free
        if workspace["name"] != source and not workspace.get("optional")
    ]
    return bound, source


def _template() -> JSON:
    requests = {"storage": "1Gi"}
    return {
        "metadata": {},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": requests}},
    }


def fill_resources(
    declared: Sequence[Mapping[str, Any]], given: Sequence[Mapping[str, Any]], repository: str
) -> list[JSON]:
    """The PipelineResources of a run of 2019: git ones are the working tree, if there is one.

    Raises:
        StartError: One is bound to nothing.
    """
    by_name = {str(binding.get("name")): dict(binding) for binding in given}
    found = []
    for resource in declared:
        name, kind = str(resource["name"]), resource.get("type")
        if repository and kind == "git":
            params = [{"name": "url", "value": repository}, {"name": "revision", "value": "HEAD"}]
            found.append({"name": name, "resourceSpec": {"type": "git", "params": params}})
        elif name in by_name:
            found.append(by_name[name])
        else:
            raise StartError(
                f"resource {name!r} ({kind}) is bound to nothing; give --resource {name}=NAME"
            )
    return found


def new_name(prefix: str) -> str:
    """A name that nobody has yet."""
    letters = "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))
    return f"{prefix[:50].rstrip('-.')}-{letters}"


def copy_tree(source: Path, target: Path, *, as_repository: bool) -> None:
    """Copy a working tree as it is, with everything that was never committed.

    With ``as_repository`` the copy is a git repository whose HEAD is the tree.

    Raises:
        StartError: It cannot be copied, or git is missing.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target, symlinks=True, ignore_dangling_symlinks=True)
        target.chmod(0o777)
    except (OSError, shutil.Error) as error:
        raise StartError(f"{source} cannot be copied: {error}") from error
    if not as_repository:
        return
    identity = ["-c", "user.name=wakeful", "-c", "user.email=wakeful@localhost"]
    for words in (
        ["init", "-q"],
        ["add", "--all", "--force"],
        [*identity, "commit", "-q", "--allow-empty", "--no-verify", "-m", "Working tree"],
    ):
        try:
            command = ["git", "-C", str(target), "-c", "core.hooksPath=/dev/null", *words]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError as error:
            raise StartError(f"git is needed for --source here: {error}") from error
        if done.returncode:
            raise StartError(f"git {words[0]} in a copy of {source} failed: {done.stderr.strip()}")
