"""Shells and languages: the host's own programs under the names of well-known images."""

from __future__ import annotations

from wakeful.oci.builtin.model import BIN, INTERPRETER, BuiltinImage, Program

PATH = f"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:{BIN}"
"""What the host has comes first."""

_BASH_ENTRYPOINT = Program(
    text="""#!/bin/sh
# Options go to bash, everything else is a command of its own.
case "${1-}" in -*) set -- bash "$@" ;; esac
exec "$@"
"""
)

SHELLS = (
    BuiltinImage(
        name="busybox",
        description="a shell on this machine's root file system",
        patterns=("busybox", "alpine", "ash"),
        cmd=("sh",),
        env={"PATH": PATH},
        contents={f"{BIN}/ash": "/bin/bash"},
        bash_as_sh=True,
    ),
    BuiltinImage(
        name="bash",
        description="bash on this machine's root file system",
        patterns=("bash",),
        entrypoint=(f"{BIN}/docker-entrypoint.sh",),
        cmd=("bash",),
        env={"PATH": PATH},
        contents={f"{BIN}/docker-entrypoint.sh": _BASH_ENTRYPOINT},
        requires=("bash",),
        bash_as_sh=True,
    ),
    BuiltinImage(
        name="shell",
        description="a shell on this machine's root file system",
        patterns=(
            "ubuntu",
            "debian",
            "debian-base",
            "fedora",
            "centos",
            "rockylinux",
            "almalinux",
            "archlinux",
            "amazonlinux",
            "photon",
            "ubi[789]",
            "ubi[789]-minimal",
            "ubi-minimal",
            "ubi[789]/*",
            "buildpack-deps",
            "wolfi-base",
            "distroless/base*",
        ),
        cmd=("/bin/bash",),
        env={"PATH": PATH},
        requires=("bash",),
    ),
)
"""Images that are used for the shell in them."""

LANGUAGES = (
    BuiltinImage(
        name="python",
        description="this machine's Python",
        patterns=("python", "python3"),
        cmd=("python3",),
        env={"PATH": f"{BIN}:{PATH}"},
        contents={
            f"{BIN}/python3": INTERPRETER,
            f"{BIN}/python": INTERPRETER,
        },
    ),
    BuiltinImage(
        name="node",
        description="this machine's Node.js",
        patterns=("node",),
        cmd=("node",),
        env={"PATH": PATH},
        requires=("node",),
    ),
    BuiltinImage(
        name="perl",
        description="this machine's Perl",
        patterns=("perl",),
        cmd=("perl",),
        env={"PATH": PATH},
        requires=("perl",),
    ),
    BuiltinImage(
        name="golang",
        description="this machine's Go",
        patterns=("golang", "go"),
        cmd=("bash",),
        env={"PATH": f"{PATH}:/usr/local/go/bin", "GOCACHE": "/tmp/go-build", "GOPATH": "/tmp/go"},  # noqa: S108 - inside
        requires=("go",),
    ),
)
"""Images of programming languages; there only when this machine has the language."""
