"""From an entry of the catalogue to an image in the local store."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path, PurePosixPath

import orjson

from wakeful.oci.blobs import digest_of
from wakeful.oci.builtin.model import INTERPRETER, BuiltinImage, Needs, Program
from wakeful.oci.image import (
    LABEL_BASH_AS_SH,
    LABEL_HOST_PATHS,
    LABEL_ROOTFS,
    LABEL_STAND_IN,
    OWN_SH,
)
from wakeful.oci.manifest import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Descriptor, Platform
from wakeful.oci.reference import Reference
from wakeful.oci.store import ImageStore

_VISIBLE = ("/usr", "/bin", "/lib", "/lib64", "/opt")
_SH = Program(
    text="""#!/bin/bash
# bash as sh still takes {a,b} for two words, as no other sh does: JSON falls apart.
case "${1-}" in --*) exec -a sh /bin/bash "$@" ;; esac
exec -a sh /bin/bash +B "$@"
"""
)
_SYSTEM = ("/usr/bin/python3", "/usr/local/bin/python3")


def store_builtin(image: BuiltinImage, name: Reference, store: ImageStore) -> str:
    """Make ``image`` and let ``name`` point to it; return its digest.

    The digest depends on the entry and on where this machine has its Python, on nothing else.
    """
    interpreter, host_paths = find_interpreter()
    if image.needs is Needs.BUILDER:
        interpreter, host_paths = own_interpreter()
    layers = []
    diff_ids = []
    with store.ingesting():
        if image.contents or image.bash_as_sh:
            data = _pack(image, interpreter)
            layers.append(Descriptor(OCI_LAYER, store.write_blob(data), len(data)).to_json())
            diff_ids.append(digest_of(data))
        for path in host_paths:
            store.allow_host_path(path)
        config = orjson.dumps(_config(image, host_paths, diff_ids))
        manifest = orjson.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": Descriptor(OCI_CONFIG, store.write_blob(config), len(config)).to_json(),
                "layers": layers,
            }
        )
        target = Descriptor(OCI_MANIFEST, store.write_blob(manifest), len(manifest))
        return store.add_image(target, name if name.tag else name.with_digest(target.digest))


def find_interpreter() -> tuple[str, tuple[str, ...]]:
    """A Python for programs, and the host directories that it needs in a sandbox.

    The system's own comes first: it needs nothing that a sandbox hides.
    """
    for path in _SYSTEM:
        if Path(path).exists():
            return path, ()
    return str(Path(sys.executable).resolve()), _hidden(sys.base_prefix)


def own_interpreter() -> tuple[str, tuple[str, ...]]:
    """The Python that runs the platform, with the platform's code."""
    code = str(Path(__file__).resolve().parents[3])
    inside = PurePosixPath(code).is_relative_to(sys.prefix)
    paths = _hidden(sys.base_prefix) + _hidden(sys.prefix) + (() if inside else _hidden(code))
    return sys.executable, tuple(dict.fromkeys(paths))


def _hidden(path: str) -> tuple[str, ...]:
    shown = any(PurePosixPath(path).is_relative_to(place) for place in _VISIBLE)
    return () if shown else (path,)


def _config(
    image: BuiltinImage, host_paths: tuple[str, ...], diff_ids: list[str]
) -> dict[str, object]:
    platform = Platform.of_this_machine()
    labels = {LABEL_ROOTFS: "host", LABEL_STAND_IN: image.name}
    if host_paths:
        labels[LABEL_HOST_PATHS] = ":".join(host_paths)
    if image.bash_as_sh:
        labels[LABEL_BASH_AS_SH] = "true"
    return {
        "architecture": platform.architecture,
        "os": platform.os,
        "config": {
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.cmd),
            "Env": [f"{key}={value}" for key, value in image.env.items()],
            "WorkingDir": image.workdir,
            "User": image.user,
            "ExposedPorts": {f"{port}/tcp": {} for port in image.ports},
            "Labels": labels,
        },
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _pack(image: BuiltinImage, interpreter: str) -> bytes:
    """A layer with the programs; the same for the same programs."""
    packed = io.BytesIO()
    made: set[str] = set()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        contents = {**image.contents, **({OWN_SH: _SH} if image.bash_as_sh else {})}
        for path, content in sorted(contents.items()):
            for parent in reversed(PurePosixPath(path).parents[:-1]):
                if str(parent) not in made:
                    made.add(str(parent))
                    archive.addfile(_member(str(parent), tarfile.DIRTYPE))
            if isinstance(content, Program | bytes):
                data = _bytes_of(content, interpreter)
                member = _member(path, tarfile.REGTYPE)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            else:
                member = _member(path, tarfile.SYMTYPE)
                member.linkname = interpreter if content == INTERPRETER else content
                archive.addfile(member)
    return packed.getvalue()


def _bytes_of(content: Program | bytes, interpreter: str) -> bytes:
    if isinstance(content, bytes):
        return content
    return content.text.replace(f"#!{INTERPRETER}", f"#!{interpreter}", 1).encode()


def _member(path: str, kind: bytes) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type, member.mode = kind, 0o755
    return member
