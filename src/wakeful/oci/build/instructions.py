"""Dockerfiles as text: instructions, their flags, variables and here-documents. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from wakeful.oci.errors import BuildError

_HEREDOC = re.compile(r"<<(-?)([\"']?)([\w.-]*[A-Za-z_][\w.-]*)\2")
_DIRECTIVE = re.compile(r"#\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?(?:\s+|$)")
_WITH_FLAGS = frozenset({"FROM", "COPY", "ADD", "RUN", "HEALTHCHECK"})
_WITH_HEREDOCS = frozenset({"RUN", "COPY", "ADD"})
KNOWN = _WITH_FLAGS | {
    *("ARG", "ENV", "WORKDIR", "CMD", "ENTRYPOINT", "EXPOSE", "USER", "LABEL", "VOLUME"),
    *("STOPSIGNAL", "SHELL", "MAINTAINER", "ONBUILD"),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; variables are not yet replaced."""

    name: str
    """Upper case."""
    text: str
    """What follows the name and the flags, continued lines joined."""
    line: int
    """Where it starts; the first line is 1."""
    flags: tuple[tuple[str, str], ...] = ()
    """``--from=build``, in the order given; one without a value has ""."""
    documents: Mapping[str, str] = field(default_factory=dict)
    """Here-documents: name → content."""

    def flag(self, name: str) -> str:
        """The value of a flag; "" when it is not given."""
        return next((value for key, value in self.flags if key == name), "")

    def words(self) -> list[str] | None:
        """The words of the exec form, ``["a", "b"]``; None for the shell form."""
        if not self.text.startswith("["):
            return None
        try:
            found = orjson.loads(self.text)
        except orjson.JSONDecodeError:
            return None  # as Docker has it: then it is a command for the shell
        if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
            return None
        return found


@dataclass(frozen=True, slots=True)
class StageText:
    """Everything from one FROM to the next."""

    base: str
    """The image or stage; variables are not yet replaced."""
    name: str
    """After AS, lower case; "" without."""
    instructions: tuple[Instruction, ...]
    line: int


@dataclass(frozen=True, slots=True)
class DockerfileText:
    """A whole Dockerfile."""

    arguments: tuple[Instruction, ...]
    """ARG before the first FROM: only FROM sees them."""
    stages: tuple[StageText, ...]

    def needed_for(self, target: str = "", *, subject: str = "Dockerfile") -> set[int]:
        """Numbers of the stages that ``target``, else the last, is built from, itself included.

        Raises:
            BuildError: There is no such stage.
        """
        names = {stage.name: number for number, stage in enumerate(self.stages) if stage.name}
        names |= {str(number): number for number in range(len(self.stages))}
        last = len(self.stages) - 1
        if target:
            if target.lower() not in names:
                raise BuildError(subject, f"has no stage {target!r}")
            last = names[target.lower()]
        wanted, pending = set(), [last]
        while pending:
            number = pending.pop()
            if number in wanted:
                continue
            wanted.add(number)
            stage = self.stages[number]
            used = [stage.base.lower(), *(one.flag("from").lower() for one in stage.instructions)]
            pending += [names[name] for name in used if names.get(name, number) < number]
        return wanted


def parse_dockerfile(text: str, *, subject: str = "Dockerfile") -> DockerfileText:
    """Read a Dockerfile.

    Raises:
        BuildError: With the line, for what cannot be read.
    """
    leading: list[Instruction] = []
    stages: list[StageText] = []
    base: Instruction | None = None
    body: list[Instruction] = []
    for one in _instructions(text, subject):
        if one.name == "FROM":
            if base is not None:
                stages.append(_stage(base, body, subject))
            base, body = one, []
        elif base is not None:
            body.append(one)
        elif one.name == "ARG":
            leading.append(one)
        else:
            raise BuildError(subject, f"line {one.line}: {one.name} before the first FROM")
    if base is None:
        raise BuildError(subject, "has no FROM")
    stages.append(_stage(base, body, subject))
    return DockerfileText(tuple(leading), tuple(stages))


def _stage(base: Instruction, body: list[Instruction], subject: str) -> StageText:
    words = base.text.split()
    if len(words) == 1:
        return StageText(words[0], "", tuple(body), base.line)
    if len(words) == 3 and words[1].upper() == "AS":
        return StageText(words[0], words[2].lower(), tuple(body), base.line)
    raise BuildError(subject, f"line {base.line}: FROM {base.text}: not IMAGE [AS NAME]")


def _instructions(text: str, subject: str) -> Iterator[Instruction]:
    lines = text.removeprefix("\ufeff").splitlines()
    escape = _escape(lines)
    number = 0
    while number < len(lines):
        start = number + 1
        line = lines[number].strip()
        number += 1
        if not line or line.startswith("#"):
            continue
        while line.endswith(escape) and number < len(lines):
            line = line[:-1]
            while number < len(lines) and lines[number].lstrip().startswith("#"):
                number += 1  # a comment between continued lines
            if number < len(lines):
                line += lines[number].strip() if not line.strip() else lines[number].rstrip()
                number += 1
        name, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        name, rest = name.upper(), rest.strip()
        if name not in KNOWN:
            raise BuildError(subject, f"line {start}: unknown instruction {name}")
        documents: dict[str, str] = {}
        if name in _WITH_HEREDOCS:
            for strip, _quote, mark in _HEREDOC.findall(rest):
                content: list[str] = []
                while number < len(lines):
                    part = lines[number].lstrip("\t") if strip else lines[number]
                    number += 1
                    if part == mark:
                        break
                    content.append(part)
                else:
                    raise BuildError(subject, f"line {start}: no end of <<{mark}")
                documents[mark] = "".join(f"{part}\n" for part in content)
        flags: list[tuple[str, str]] = []
        while name in _WITH_FLAGS and (match := _FLAG.match(rest)):
            flags.append((match[1], match[2] or ""))
            rest = rest[match.end() :]
        if not rest and name != "MAINTAINER":
            raise BuildError(subject, f"line {start}: {name} needs an argument")
        yield Instruction(name, rest, start, tuple(flags), documents)


def _escape(lines: list[str]) -> str:
    for line in lines:
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            break
        if match[1].lower() == "escape" and match[2] in ("\\", "`"):
            return match[2]
    return "\\"


_VARIABLE = re.compile(
    r"\\(?P<escaped>.)|\$(?P<plain>[A-Za-z_]\w*)"
    r"|\$\{(?P<braced>[A-Za-z_]\w*)(?:(?P<rule>:[-+?]|[-+?])(?P<word>[^{}]*))?\}"
)


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$name``, ``${name}``, ``${name:-word}`` and ``${name:+word}``.

    A backslash keeps a dollar sign as it is; what has no value is replaced by nothing.
    """

    def replace(match: re.Match[str]) -> str:
        if match["escaped"] is not None:
            return match["escaped"] if match["escaped"] == "$" else match[0]
        name = match["plain"] or match["braced"]
        value = values.get(name)
        rule, word = match["rule"] or "", match["word"] or ""
        missing = value is None or (rule.startswith(":") and not value)
        if rule.endswith("+"):
            return "" if missing else expand(word, values)
        if missing:
            return expand(word, values) if rule.endswith("-") else ""
        return value or ""

    return _VARIABLE.sub(replace, text)


def parse_pairs(text: str, *, subject: str, line: int) -> dict[str, str]:
    """Read ``a=b c="d e"``, or the old ``a the rest``.

    Raises:
        BuildError: It is neither.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise BuildError(subject, f"line {line}: {error}") from error
    if words and "=" not in words[0]:
        name, _, value = text.partition(" ")
        return {name: value.strip()}
    if not all("=" in word for word in words):
        raise BuildError(subject, f"line {line}: {text!r} is not NAME=VALUE")
    return {name: value for name, _, value in (word.partition("=") for word in words)}
