#!/usr/bin/env python3
"""Check the documentation against the product.

    tools/check_docs.py             links, commands, YAML, kinds, the generated page, marked pages
    tools/check_docs.py --static    the same without running anything
    tools/check_docs.py --slow      marked pages that take minutes, too
    tools/check_docs.py --write     write the generated page anew

Pages are run when they say so in a comment of their own line:

    <!-- check: run -->             run the page's console blocks in order, in one shell
    <!-- check: run slow -->        the same, with --slow only
    <!-- check: platform -->        the same, with a platform that is up already
    <!-- check: skip -->            leave the next block out
    <!-- file: NAME -->             the next block is the content of this file

In a console block, lines that begin with ``$ `` are typed and the others are expected. Numbers,
ages and digests may differ; ``…`` stands for anything; output that is not shown is not minded.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import typer.main
import yaml

from wakeful.apis import all_resources
from wakeful.apis.autoscaling.annotations import ALL_KEYS
from wakeful.apis.serving.config.features import FeaturesConfig, config_key
from wakeful.cmd.main import complete_app

ROOT = Path(__file__).resolve().parents[1]
COMMAND_LINE = ROOT / "docs/reference/command-line.md"
COMMAND_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block of a page."""

    language: str
    text: str
    line: int
    skipped: bool
    file: str


@dataclass(slots=True)
class Page:
    """One Markdown file."""

    path: Path
    text: str
    blocks: list[Block] = field(default_factory=list)
    mode: str = ""
    """How it wants to be run: ``run``, ``run slow``, ``platform`` or not at all."""

    @property
    def name(self) -> str:
        """The path from the root of the repository."""
        return str(self.path.relative_to(ROOT))


# -- reading ---------------------------------------------------------------------------------------

_NOTE = re.compile(r"<!-- (check|file): (.+?) -->")


def read_page(path: Path) -> Page:
    """Take a page apart."""
    page = Page(path, path.read_text())
    lines: list[str] = []
    language, opened, indent, skipped, file = "", 0, 0, False, ""
    for number, line in enumerate(page.text.splitlines(), 1):
        stripped = line.lstrip()
        if stripped.startswith("```"):
            if opened:
                text = "".join(f"{inner[indent:]}\n" for inner in lines)
                page.blocks.append(Block(language, text, opened, skipped, file))
                opened, skipped, file = 0, False, ""
            else:
                lines, opened, indent = [], number, len(line) - len(stripped)
                language = stripped[3:].strip()
        elif opened:
            lines.append(line)
        elif note := _NOTE.fullmatch(stripped):
            if note[1] == "file":
                file = note[2]
            elif note[2] == "skip":
                skipped = True
            else:
                page.mode = note[2]
    return page


def read_pages() -> list[Page]:
    """Every page a user may read."""
    paths = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    paths += [*ROOT.glob("changelog.d/*.md"), *ROOT.glob("benchmarks/*.md")]
    return [read_page(path) for path in sorted(paths)]


# -- links -----------------------------------------------------------------------------------------

_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def _prose(text: str) -> str:
    text = re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`\n]*`", "``", text)


def _anchors(text: str) -> set[str]:
    """What GitHub makes of the headings."""
    text = re.sub(r"^\s*```.*?^\s*```", "", text, flags=re.MULTILINE | re.DOTALL)
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        while slug in found:
            slug += "-1"
        found.add(slug)
    return found


def check_links(page: Page) -> Iterator[str]:
    """Relative links lead somewhere; absolute ones are not followed."""
    for target in _LINK.findall(_prose(page.text)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.path.parent / name).resolve() if name else page.path
        if not path.exists():
            yield f"link to {target}: there is no such file"
        elif anchor and path.suffix == ".md" and anchor not in _anchors(path.read_text()):
            yield f"link to {target}: there is no such heading"


# -- commands --------------------------------------------------------------------------------------


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


# -- content of blocks -----------------------------------------------------------------------------


def check_blocks(page: Page, kinds: set[tuple[str, str]]) -> Iterator[str]:
    """YAML, JSON and Python can be read, and kinds are served."""
    for block in page.blocks:
        try:
            if block.language == "yaml":
                for document in yaml.safe_load_all(block.text):
                    yield from _check_kind(document, kinds, block)
            elif block.language == "json":
                json.loads(block.text)
            elif block.language == "python":
                ast.parse(block.text)
        except (yaml.YAMLError, ValueError, SyntaxError) as err:
            yield f"line {block.line}: {block.language} cannot be read: {err}"


def _check_kind(document: Any, kinds: set[tuple[str, str]], block: Block) -> Iterator[str]:
    if isinstance(document, dict) and {"apiVersion", "kind"} <= document.keys():
        kind = (document["apiVersion"], document["kind"])
        if kind not in kinds:
            yield f"line {block.line}: {kind[1]} in {kind[0]} is not served"


# -- completeness ----------------------------------------------------------------------------------


def served() -> Iterator[tuple[str, str, str]]:
    """The apiVersion, kind and plural of everything served."""
    for resource in all_resources():
        gvk = resource.model.gvk
        for version in (gvk.version, *(served.name for served in resource.served_versions)):
            yield (f"{gvk.group}/{version}" if gvk.group else version), gvk.kind, resource.plural


def check_complete() -> Iterator[str]:
    """What the reference must not leave out."""
    annotations = (ROOT / "docs/reference/annotations.md").read_text()
    for key in ALL_KEYS:
        for spelling in key.spellings:
            if spelling.rpartition("/")[2] not in annotations:
                yield f"docs/reference/annotations.md does not tell of {spelling}"
    configuration = (ROOT / "docs/reference/configuration.md").read_text()
    for feature in fields_of(FeaturesConfig):
        if config_key(feature.name) not in configuration:
            yield f"docs/reference/configuration.md does not tell of {config_key(feature.name)}"
    kinds = (ROOT / "docs/reference/api.md").read_text()
    for version, kind, _ in served():
        if f"`{version}`" not in kinds or not re.search(rf"\b{kind}\b", kinds):
            yield f"docs/reference/api.md does not tell of {kind} in {version}"


# -- the generated page ----------------------------------------------------------------------------


def render_command_line(root: Any) -> str:
    """The reference of every command, from the commands themselves."""
    out = [
        "# Command line",
        "",
        "<!-- Written by tools/check_docs.py --write; change the commands instead. -->",
        "",
        "Every command says the same with `--help`. `wakeful --install-completion` teaches your",
        "shell to complete them. A command that succeeds exits with 0, one that fails with 1, and",
        "one that was called wrongly with 2.",
        "",
    ]
    panels: dict[str, list[tuple[str, Any]]] = {}
    for name, command in root.commands.items():
        panels.setdefault(command.rich_help_panel or "Other", []).append((name, command))
    for panel in ("Platform", "Images", "Objects"):
        out += [f"## {panel}", ""]
        for name, command in panels.pop(panel):
            if hasattr(command, "commands"):
                for child, inner in command.commands.items():
                    out += _render(f"wakeful {name} {child}", inner)
            else:
                out += _render(f"wakeful {name}", command)
    if panels:
        raise SystemExit(f"no place in the page for the panels {sorted(panels)}")
    return "\n".join(out).rstrip() + "\n"


def _render(path: str, command: Any) -> list[str]:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and p.name != "help"]
    usage = " ".join([path, *(_argument(a) for a in arguments), "[OPTIONS]" if options else ""])
    out = [f"### {path}", "", command.help.strip().splitlines()[0], "", "```text"]
    out += [usage.strip(), "```", ""]
    if arguments or options:
        out += ["| | | |", "|---|---|---|"]
        out += [f"| `{_argument(a)}` | {_cell(a.help)} | |" for a in arguments]
        out += [f"| {_names(o)} | {_cell(o.help)} | {_default(o)} |" for o in options]
        out.append("")
    return out


def _argument(param: Any) -> str:
    name = (param.metavar or param.name.upper()).strip("[]").removesuffix("...")
    name += "…" if param.nargs == -1 else ""
    return name if param.required else f"[{name}]"


def _names(param: Any) -> str:
    names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
    return names if param.is_bool_flag or not param.metavar else f"{names} {param.metavar}"


def _default(param: Any) -> str:
    if param.required:
        return "required"
    if isinstance(param.show_default, str):
        return f"`{param.show_default}`" if "/" in param.show_default else param.show_default
    if param.is_bool_flag:
        return "on" if param.default else ""
    value = getattr(param.default, "value", param.default)
    return f"`{value}`" if value not in (None, "", ()) else ""


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


# -- running ---------------------------------------------------------------------------------------

_VARYING = re.compile(
    r"(?P<any>…)|(?P<space>\s+)|(?P<rule>─+)"
    r"|(?P<pod>(?<=-deployment-)[a-z0-9]{6,10}(-[a-z0-9]{5})?)"
    r"|(?P<hex>\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b)"
    r"|(?P<age>\b(\d+[dhms])+\b)|(?P<time>\d+(\.\d+)? (ms|s)\b)|(?P<number>\d+(\.\d+)?)"
)
_PATTERNS = {
    "any": r".*",
    "space": r"\s+",
    "rule": r"─+",
    "pod": r"[a-z0-9]+(-[a-z0-9]+)?",
    "hex": r"[0-9a-f]+",
    "age": r"(\d+[dhms])+",
    "time": r"\d+(\.\d+)? (ms|s)",
    "number": r"\d+(\.\d+)?",
}


def matches(expected: str, actual: str) -> bool:
    """Whether a line of output is as the page says, numbers aside."""
    out, end = "", 0
    for found in _VARYING.finditer(expected.rstrip()):
        out += re.escape(expected[end : found.start()]) + _PATTERNS[str(found.lastgroup)]
        end = found.end()
    return re.fullmatch(out + re.escape(expected.rstrip()[end:]), actual.rstrip()) is not None


def missing_line(expected: Sequence[str], actual: Sequence[str]) -> str | None:
    """The first expected line that does not follow in the output."""
    rest = iter(actual)
    for line in expected:
        if line.strip() in ("", "…"):
            continue
        if not any(matches(line, candidate) for candidate in rest):
            return line
    return None


class Shell:
    """One bash in a directory and a home of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        home, tools = directory / "home", directory / "tools"
        self.work = directory / "work"
        for path in (home, tools, self.work):
            path.mkdir()
        (self.work / "examples").symlink_to(ROOT / "examples")
        wrapper = tools / "wakeful"
        wrapper.write_text(
            "#!/usr/bin/env bash\n"
            'case "$1" in up) set -- "$@" --api-port 0 --http-port 0 --https-port 0;; esac\n'
            f'exec {shlex.quote(sys.executable)} -m wakeful.cmd.main "$@"\n'
        )
        wrapper.chmod(0o755)
        path = f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        env = {"HOME": str(home), "PATH": path, "COLUMNS": "80", "LANG": "C.UTF-8"}
        env |= {k: v for k, v in os.environ.items() if k in ("PYTHONPATH", "TMPDIR")}
        self._process = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.work,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[int, list[str]]:
        """Run one command; return its exit code and what it wrote."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        mark = f"__done_{time.monotonic_ns()}__"
        text = command.replace(":8080", f":{self._http_port()}")
        self._process.stdin.write(f"{text}\necho; echo {mark} $?\n")
        self._process.stdin.flush()
        lines: list[str] = []
        watchdog = threading.Timer(COMMAND_SECONDS, self._process.kill)
        watchdog.start()
        try:
            for line in self._process.stdout:
                if line.startswith(mark):
                    return int(line.split()[1]), lines
                lines.append(line.rstrip("\n"))
        finally:
            watchdog.cancel()
        raise SystemExit(f"the shell ended, or took {COMMAND_SECONDS} s, during {command!r}")

    def _http_port(self) -> str:
        try:
            written = self.directory / "home/.wakeful/run/addresses.json"
            return str(json.loads(written.read_text())["http_port"])
        except (OSError, ValueError, KeyError):
            return "8080"

    def close(self) -> None:
        """Take the platform down, whatever happened."""
        self.type("wakeful down")
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def run_pages(pages: Sequence[Page]) -> Iterator[tuple[Page, str]]:
    """Do what each page says, and compare; yield what is wrong, "" for a page that is right."""
    alone = [page for page in pages if page.mode != "platform"]
    sharing = [page for page in pages if page.mode == "platform"]
    for group in (*([page] for page in alone), sharing):
        if not group:
            continue
        with tempfile.TemporaryDirectory(prefix="wk-docs-", dir="/tmp") as directory:
            shell = Shell(Path(directory))
            try:
                if group is sharing and shell.type("wakeful up --detach")[0]:
                    yield sharing[0], "the platform does not start"
                    continue
                for page in group:
                    yield page, _run_page(shell, page)
            finally:
                shell.close()


def _run_page(shell: Shell, page: Page) -> str:
    for block in page.blocks:
        if block.file:
            (shell.work / block.file).parent.mkdir(parents=True, exist_ok=True)
            (shell.work / block.file).write_text(block.text)
        elif (
            block.language == "console"
            and not block.skipped
            and (problem := _run_block(shell, block))
        ):
            return problem
    return ""


def _run_block(shell: Shell, block: Block) -> str:
    chunks = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    for chunk in chunks:
        lines = chunk.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\")) + 1
        command, expected = "\n".join(lines[:end]), lines[end:]
        code, actual = shell.type(command)
        if code and not any(line.startswith(("error:", "Error")) for line in expected):
            return f"line {block.line}: `{command}` exits with {code}:\n" + "\n".join(actual)
        if (line := missing_line(expected, actual)) is not None:
            return f"line {block.line}: `{command}` does not write\n  {line}\nbut\n" + "\n".join(
                f"  {text}" for text in actual
            )
    return ""


# -- all of it -------------------------------------------------------------------------------------


def check_static(pages: Sequence[Page], root: Any) -> Iterator[str]:
    """Everything that needs no platform."""
    kinds = {(version, kind) for version, kind, _ in served()}
    for page in pages:
        for check in (check_links(page), check_commands(page, root), check_blocks(page, kinds)):
            for problem in check:
                yield f"{page.name}: {problem}"
    yield from check_complete()
    if COMMAND_LINE.read_text() != render_command_line(root):
        yield f"{COMMAND_LINE.relative_to(ROOT)} is out of date: tools/check_docs.py --write"


def main() -> int:
    """Check, and say what is wrong."""
    parser = argparse.ArgumentParser(description="Check the documentation against the product.")
    parser.add_argument("--static", action="store_true", help="run nothing")
    parser.add_argument("--slow", action="store_true", help="run pages that take minutes, too")
    parser.add_argument("--write", action="store_true", help="write the generated page anew")
    parser.add_argument("pages", nargs="*", help="run these only")
    options = parser.parse_args()
    root = typer.main.get_command(complete_app())
    if options.write:
        COMMAND_LINE.write_text(render_command_line(root))
    pages = read_pages()
    problems = list(check_static(pages, root))
    wanted = [page for page in pages if page.mode and _is_wanted(page, options)]
    if not options.static:
        begun = time.monotonic()
        for page, problem in run_pages(wanted):
            problems += [f"{page.name}: {problem}"] if problem else []
            seconds, begun = time.monotonic() - begun, time.monotonic()
            print(f"{'failed' if problem else 'ran'} {page.name} in {seconds:.0f} s", flush=True)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{len(pages)} pages, {len(problems)} problems")
    return 1 if problems else 0


def _is_wanted(page: Page, options: argparse.Namespace) -> bool:
    if options.pages:
        return any(page.name.endswith(name) for name in options.pages)
    return options.slow or "slow" not in page.mode


if __name__ == "__main__":
    sys.exit(main())
