"""Commands in blocks and in running text: they exist, and so do their options."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from docchecks.pages import Block, Page


def typed_lines(block: Block) -> list[str]:
    """The commands of a block; lines that end with a backslash go on."""
    if block.language == "console":
        lines, going_on = [], False
        for line in block.text.splitlines():
            if going_on:
                lines[-1] += f"\n{line}"
            elif line.startswith("$ "):
                lines.append(line[2:])
            going_on = line.endswith("\\") and (going_on or line.startswith("$ "))
        return lines
    if block.language in ("sh", "bash", "shell"):
        return block.text.replace("\\\n", " ").splitlines()
    return []


def _calls(text: str) -> Iterator[list[str]]:
    """Every call of ``wakeful`` in a line of shell."""
    lexer = shlex.shlex(text.replace("$(", " ; "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        tokens = list(lexer)
    except ValueError:
        return
    for token in [*tokens, ";"]:
        if token and set(token) <= set("();<>|&"):
            if words and words[0] == "wakeful":
                yield words[1:]
            words = []
        elif words or "=" not in token:
            words.append(token)


def check_call(words: Sequence[str], root: Any) -> Iterator[str]:
    """The command exists, and so does each of its options."""
    command, rest, path = root, list(words), "wakeful"
    while hasattr(command, "commands"):
        if not rest or rest[0] in ("--help", "…"):
            return
        name = rest.pop(0)
        if name.startswith("--") and name.endswith("-completion"):
            return
        if name not in command.commands:
            yield f"`{path} {name}`: there is no such command"
            return
        command, path = command.commands[name], f"{path} {name}"
    known = {opt: p for p in command.params for opt in (*p.opts, *p.secondary_opts)}
    while rest:
        word = rest.pop(0)
        if word == "--":
            return
        if not re.match(r"--?[A-Za-z]", word) or word == "--help":
            continue
        name, equals, _ = word.partition("=")
        if name not in known or not name.startswith("-"):
            yield f"`{path}` has no option {name}"
        elif not equals and not getattr(known[name], "is_bool_flag", False) and rest:
            rest.pop(0)


def check_commands(page: Page, root: Any) -> Iterator[str]:
    """Commands in blocks and in running text."""
    texts = [line for block in page.blocks for line in typed_lines(block)]
    prose = re.sub(r"^\s*```.*?^\s*```", "", page.text, flags=re.MULTILINE | re.DOTALL)
    texts += re.findall(r"`(wakeful [^`\n]+)`", prose)
    for text in texts:
        for words in _calls(text):
            yield from check_call(words, root)
