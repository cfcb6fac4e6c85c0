"""The page that is generated from the commands themselves."""

from __future__ import annotations

from typing import Any

from docchecks.pages import ROOT

COMMAND_LINE = ROOT / "docs/reference/command-line.md"


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
