"""``/kaniko/executor``: builds in the step's own sandbox and hands the image to the platform."""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import posixpath
import shutil
import socket
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from wakeful.oci.archive import save_archive
from wakeful.oci.build import BuildStep, StepState, build
from wakeful.oci.build.dockerfile import Dockerfile
from wakeful.oci.credentials import Keychain
from wakeful.oci.errors import ImageError
from wakeful.oci.kaniko.flags import Options, UsageError, parse_flags
from wakeful.oci.layout import LayoutStore
from wakeful.oci.provider import BUILDER_SOCKET
from wakeful.oci.reference import parse_reference

_UNNAMED = "dev.local/kaniko-build:latest"
_PATIENCE_SECONDS, _AGAIN_SECONDS = 60.0, 0.5


def main(argv: Sequence[str] | None = None) -> int:
    """Run with the command line's words; return the exit code."""
    try:
        options = parse_flags(sys.argv[1:] if argv is None else argv, os.environ)
        for notice in options.notices:
            _say(notice)
        _check(options)
        return _execute(options)
    except (UsageError, ImageError, OSError) as error:
        _say(f"error building image: {error}".replace("\n", "\n  "))
        return 1


def _check(options: Options) -> None:
    if not options.destinations and not options.no_push:
        raise UsageError("you must provide --destination, or use --no-push")
    for destination in options.destinations:
        if parse_reference(destination).digest:
            raise UsageError(f"--destination {destination!r} is no tag")


def _execute(options: Options) -> int:
    with tempfile.TemporaryDirectory(prefix="kaniko-") as work:
        store = LayoutStore(Path(work) / "store")
        name = options.destinations[0] if options.destinations else _UNNAMED
        digest = asyncio.run(_build(options, name, store, Path(work) / "cache"))
        archive = Path(work) / "image.tar"
        save_archive([name], archive, store)
        _write_files(options, digest, archive)
        if options.destinations:
            return _hand_over(options, archive)
    return 0


async def _build(options: Options, name: str, store: LayoutStore, cache: Path) -> str:
    context = Path(options.context)
    if not context.is_dir():
        raise UsageError(f"--context {options.context!r} is not a directory")
    dockerfile = _find_dockerfile(options, context)
    built = await build(context, name, store, progress=_show, cache=cache, dockerfile=dockerfile)
    _say(f"built {built.name} as {built.builder} in {built.seconds:.1f} s: {built.digest}")
    return built.digest


def _find_dockerfile(options: Options, context: Path) -> Dockerfile | None:
    """The file as kaniko looks for it: where it is, else in the context."""
    for path in (Path(options.dockerfile), context / options.dockerfile):
        if path.is_file():
            return Dockerfile(path, options.build_args, options.target)
    if options.dockerfile != "Dockerfile":
        raise UsageError(f"--dockerfile {options.dockerfile!r}: no such file in {context}")
    return None  # then the source decides


def _show(step: BuildStep) -> None:
    if step.state is StepState.STARTED:
        _say(f"{step.title}{f' ({step.detail})' if step.detail else ''}")
    elif step.state is StepState.OUTPUT:
        _say(f"  {step.title}")
    elif step.state is not StepState.DONE:
        _say(step.title)


def _write_files(options: Options, digest: str, archive: Path) -> None:
    names = [parse_reference(destination) for destination in options.destinations]
    for path, lines in (
        (options.digest_file, [digest]),
        (options.name_with_digest_file, [f"{name.context}@{digest}" for name in names]),
        (options.tag_with_digest_file, [f"{name.name}@{digest}" for name in names]),
    ):
        if path:
            target = Path(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text("\n".join(lines))
    if options.tar_path:
        shutil.copy(archive, options.tar_path)
    if options.layout_path:
        with tarfile.open(archive) as tar:
            tar.extractall(options.layout_path, filter="data")


def _hand_over(options: Options, archive: Path) -> int:
    """Send the archive to the platform and show what it says; return the exit code."""
    query = urlencode(
        [
            *(("name", destination) for destination in options.destinations),
            ("push", "false" if options.no_push else "true"),
            *(("insecure", registry) for registry in _insecure(options)),
            *(("unverified", registry) for registry in _unverified(options)),
        ]
    )
    credentials = json.dumps(_credentials(options, _docker_config(os.environ))).encode()
    headers = {
        "Content-Type": "application/x-tar",
        "Content-Length": str(archive.stat().st_size),
        "X-Registry-Config": base64.b64encode(credentials).decode(),
    }
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return _send(f"/images?{query}", headers, archive)
        except (ConnectionError, FileNotFoundError, http.client.BadStatusLine) as error:
            if time.monotonic() > deadline:
                raise UsageError(f"the platform's builder cannot be reached: {error}") from error
        time.sleep(_AGAIN_SECONDS)  # the control plane is being started again


def _send(path: str, headers: Mapping[str, str], archive: Path) -> int:
    connection = _UnixConnection(str(BUILDER_SOCKET))
    try:
        with archive.open("rb") as body:
            connection.request("POST", path, body=body, headers=headers)
        answer = connection.getresponse()
        return _read_answer(answer.status, answer)
    finally:
        connection.close()


def _read_answer(status: int, lines: Iterator[bytes] | http.client.HTTPResponse) -> int:
    """Each line is an object with ``note`` or ``error``."""
    failed = status != http.HTTPStatus.OK
    for line in lines:
        wire = json.loads(line)
        failed |= "error" in wire
        _say(str(wire.get("error") or wire.get("note") or ""))
    return int(failed)


def _insecure(options: Options) -> list[str]:
    registries = list(options.insecure_registries)
    if options.insecure:
        registries += [parse_reference(d).registry for d in options.destinations]
    return registries


def _unverified(options: Options) -> list[str]:
    registries = list(options.unverified_registries)
    if options.skip_tls_verify:
        registries += [parse_reference(d).registry for d in options.destinations]
    return registries


def _credentials(options: Options, config: Mapping[str, Any]) -> dict[str, Any]:
    """Of the step's credentials, those for the registries that are pushed to; no others leave."""
    keychain = Keychain.from_docker_config(config)
    auths = {}
    for destination in options.destinations:
        reference = parse_reference(destination)
        found = keychain.find(reference)
        if found is not None:
            auths[reference.context] = {
                "username": found.username,
                "password": found.password,
                "identitytoken": found.identity_token,
                "registrytoken": found.registry_token,
            }
    return {"auths": auths}


def _docker_config(environ: Mapping[str, str]) -> dict[str, Any]:
    """The registries' credentials that this step was given."""
    folders = [
        environ.get("DOCKER_CONFIG", ""),
        posixpath.join(environ.get("HOME", "/"), ".docker"),
    ]
    for folder in (*folders, "/tekton/creds/.docker", "/kaniko/.docker"):
        path = Path(folder, "config.json") if folder else None
        try:
            wire = json.loads(path.read_bytes()) if path else None
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            _say(f"{path}: cannot be read: {error}")
            continue
        if isinstance(wire, dict):
            return {"auths": wire.get("auths", {})}
    return {}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("builder")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
