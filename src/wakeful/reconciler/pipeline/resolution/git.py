"""The resolver ``git``: a file of a repository at a revision."""

from __future__ import annotations

import base64
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from wakeful.aio import run_program
from wakeful.apis.pipeline.provenance_types import RefSource
from wakeful.client import Client
from wakeful.reconciler.pipeline.resolution.model import (
    DATA_LIMIT_BYTES,
    Question,
    ResolutionError,
    Resolved,
)
from wakeful.reconciler.pipeline.resolution.web import read_secret

CONFIG = "git-resolver-config"
_SECONDS = 50.0
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
_NO_LOGIN = "could not read Username"
"""What git says when a server wants to know who asks, and nobody can be asked."""
_SCP = re.compile(r"(?:[\w.-]+@)?[\w.-]+:(?!//).+")


class GitResolver:
    """Clones with this machine's git; ``file:`` only where the config map allows it.

    The control plane runs git, so a repository on this machine would be read with its rights.
    """

    name = "git"

    def __init__(self, client: Client, config: Callable[[], Mapping[str, str]]) -> None:
        self._client, self._config = client, config

    async def resolve(self, question: Question) -> Resolved:
        """Fetch one revision, without history, and read the file from it."""
        config = self._config()
        url = question.text("url") or config.get("default-url") or ""
        if not url and question.text("repo"):
            raise ResolutionError(
                "the API of a code host is not asked here: give url instead of repo and org"
            )
        if not url:
            raise ResolutionError("must specify one of 'url' or 'repo'")
        local = config.get("allow-local-repositories", "").lower() == "true"
        _check_url(url, local=local)
        revision = question.text("revision") or config.get("default-revision") or "main"
        if revision.startswith("-"):
            raise ResolutionError(f"invalid revision \"{revision}\": must not begin with '-'")
        path = question.required("pathInRepo")
        if ".." in path.split("/"):
            raise ResolutionError(f"invalid path \"{path}\": must not contain '..' components")
        env = await self._environment(question, local=local)
        if shutil.which("git") is None:
            raise ResolutionError("git is not installed on this machine")
        with tempfile.TemporaryDirectory(prefix="wakeful-git-") as directory:
            commit = await _fetch(url, revision, Path(directory), env)
            data = await _read(Path(directory), path, url, revision, env)
        source = RefSource(uri=f"git+{url}", digest={"sha1": commit}, entry_point=path)
        return Resolved(data, source)

    async def _environment(self, question: Question, *, local: bool) -> dict[str, str]:
        """Nothing of ours: no configuration, no credentials but those of the question."""
        env = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "http:https:ssh:git" + (":file" if local else ""),
            "GIT_SSH_COMMAND": "ssh -F none -o BatchMode=yes",
        }
        for name in ("http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"):
            for spelling in (name, name.upper()):
                if spelling in os.environ:
                    env[spelling] = os.environ[spelling]
        secret = question.text("gitToken")
        if secret:
            key = question.text("gitTokenKey") or "token"
            token = await read_secret(self._client, secret, key, question.namespace)
            basic = base64.b64encode(f"git:{token}".encode()).decode()
            env |= {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": "http.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            }
        return env


def _check_url(url: str, *, local: bool) -> None:
    scheme = urlsplit(url).scheme
    if url.startswith("-") or any(ord(c) < 32 for c in url):
        raise ResolutionError(f"invalid git repository url: {url!r}")
    if scheme in ("http", "https", "ssh", "git") or (not scheme and _SCP.fullmatch(url)):
        return
    if scheme == "file" or url.startswith("/"):
        if local:
            return
        raise ResolutionError(
            f"{url}: repositories on this machine are not read; set allow-local-repositories:"
            f' "true" in config map {CONFIG} to allow it'
        )
    raise ResolutionError(f"invalid git repository url: {url}")


async def _fetch(url: str, revision: str, directory: Path, env: Mapping[str, str]) -> str:
    await _git(["init", "-q", "--bare", "."], directory, env)
    fetch = ["fetch", "-q", "--no-tags", "--depth=1", url, revision]
    code, _, problem = await _git(fetch, directory, env, check=False)
    target, failure = "FETCH_HEAD", f"git fetch error: {problem}: exit status {code}: from {url}"
    if code and _COMMIT.fullmatch(revision):  # not every server hands out commits
        code, _, problem = await _git(["fetch", "-q", url, "+refs/*:refs/*"], directory, env)
        target = revision
    if code and _NO_LOGIN in problem:
        raise ResolutionError(f"clone error: authentication required: {url}")
    if code:
        raise ResolutionError(failure)
    parse = ["rev-parse", f"{target}^{{commit}}"]
    code, found, _ = await _git(parse, directory, env, check=False)
    if code:
        raise ResolutionError(failure)
    commit = found.decode().strip()
    await _git(["update-ref", "refs/wakeful/found", commit], directory, env)
    return commit


async def _read(
    directory: Path, path: str, url: str, revision: str, env: Mapping[str, str]
) -> bytes:
    clean = posixpath.normpath(path).lstrip("/")
    name = f"refs/wakeful/found:{clean}"
    code, size, _ = await _git(["cat-file", "-s", name], directory, env, check=False)
    if code:
        where = f"in {url} at {revision}"
        raise ResolutionError(f'error opening file "{clean}": file does not exist {where}')
    if int(size) > DATA_LIMIT_BYTES:
        raise ResolutionError(f"file {path!r} has {int(size)} bytes, more than 1 MiB")
    _, data, _ = await _git(["cat-file", "blob", name], directory, env)
    return data


async def _git(
    words: list[str], directory: Path, env: Mapping[str, str], *, check: bool = True
) -> tuple[int, bytes, str]:
    """Run git; return exit code, output and the last line of what it complained about.

    Cancellation: git is ended first.
    """
    try:
        done = await run_program(("git", *words), cwd=directory, env=env, seconds=_SECONDS)
    except TimeoutError as error:
        raise ResolutionError(f"git {words[0]} did not end within {_SECONDS:g} s") from error
    if check and done.code:
        raise ResolutionError(f"git {words[0]} failed: {done.problem}")
    return done.code, done.output, done.problem
