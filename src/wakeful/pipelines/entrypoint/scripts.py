"""The shell script of the ``place-scripts`` container: files that steps execute.

Kubernetes expands ``$(NAME)`` in arguments and so must not see a script as it is: its text travels
as base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

_PREAMBLE = "#!/bin/sh\nset -e\n"
_END = "_EOF_"
_ONE = re.compile(
    r'scriptfile="(?P<path>[^"\n]+)"\n'
    r"touch \$\{scriptfile\} && chmod \+x \$\{scriptfile\}\n"
    r"cat > \$\{scriptfile\} << '_EOF_'\n"
    r"(?P<text>[A-Za-z0-9+/=]*)\n"
    r"_EOF_\n"
    r'/tekton/bin/entrypoint decode-script "\$\{scriptfile\}"\n'
)


@dataclass(frozen=True, slots=True)
class ScriptFile:
    """A program at an absolute path inside the containers."""

    path: str
    text: str


def with_shebang(script: str) -> str:
    """Return the script as it is executed: ``#!/bin/sh`` and ``set -e`` go before a bare one."""
    return script if script.strip().startswith("#!") else _PREAMBLE + script


def render_scripts(files: Sequence[ScriptFile]) -> str:
    """Return the shell script that makes ``files`` with the help of the entrypoint program."""
    return "".join(
        f'scriptfile="{file.path}"\n'
        "touch ${scriptfile} && chmod +x ${scriptfile}\n"
        f"cat > ${{scriptfile}} << '{_END}'\n"
        f"{base64.b64encode(file.text.encode()).decode()}\n"
        f"{_END}\n"
        '/tekton/bin/entrypoint decode-script "${scriptfile}"\n'
        for file in files
    )


def parse_scripts(text: str) -> list[ScriptFile] | None:
    """Read what :func:`render_scripts` wrote; None for anything else."""
    files, place = [], 0
    while place < len(text):
        found = _ONE.match(text, place)
        if found is None:
            return None
        try:
            script = base64.b64decode(found.group("text"), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        files.append(ScriptFile(found.group("path"), script))
        place = found.end()
    return files
