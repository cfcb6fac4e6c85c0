"""Fetch one revision of a git repository: Tekton's ``git-init`` with the same flags.

::

    git-init -url URL [-revision REV] [-refspec SPEC] [-path DIR] [-depth N] [-submodules=true]
             [-sslVerify=true] [-sparseCheckoutDirectories A,B]

Credentials are what git finds in ``$HOME``. The commit is written as a result for Tekton.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, Mapping, NoReturn, Sequence

FLAGS = {
    "url": "",
    "revision": "",
    "refspec": "",
    "path": ".",
    "depth": "1",
    "submodules": "true",
    "sslVerify": "true",
    "sparseCheckoutDirectories": "",
    "httpProxy": "",
    "httpsProxy": "",
    "noProxy": "",
    "terminationMessagePath": "",
}
CONFIG = """\
[include]
\tpath = %s
[safe]
\tdirectory = *
[protocol "file"]
\tallow = always
"""
SWITCHES = ("submodules", "sslVerify")


def main(argv: Sequence[str]) -> int:
    """Run with the command line's words; return the exit code."""
    options = parse(argv)
    prepare_environment(options)
    path = options["path"]
    clear(path)
    run("init", "-q", path)
    git = ["-C", path]
    run(*git, "remote", "add", "origin", options["url"])
    if options["sparseCheckoutDirectories"]:
        folders = options["sparseCheckoutDirectories"].split(",")
        run(*git, "sparse-checkout", "set", "--cone", *folders)
    commit = fetch(git, options)
    if options["submodules"] == "true":
        depth = int(options["depth"])
        limit = ["--depth=%d" % depth] if depth > 0 else []
        recurse = ["submodule", "update", "--init", "--recursive", "--force"]
        if run(*git, *recurse, *limit, check=False):
            run(*git, *recurse)
    say("Successfully cloned %s @ %s in path %s" % (options["url"], commit, path))
    report(commit, options)
    return 0


def fetch(git: Sequence[str], options: Mapping[str, str]) -> str:
    """Bring the work tree to the revision and return its commit."""
    revision = options["revision"] or "HEAD"
    depth = int(options["depth"])
    limit = ["--depth=%d" % depth] if depth > 0 else []
    refspec = options["refspec"].split()
    base = [*git, "fetch", "--recurse-submodules=no", "--update-head-ok", "--force"]
    if refspec:
        run(*base, *limit, "origin", *refspec)
        target = revision if options["revision"] else "FETCH_HEAD"
        run(*git, "checkout", "-q", "-f", target)
    elif run(*base, *limit, "origin", revision, check=False, quiet=True) == 0:
        run(*git, "reset", "-q", "--hard", "FETCH_HEAD")
    else:  # a commit that the server does not hand out by itself, or a short one
        run(*git, "fetch", "--tags", "--force", "origin", "+refs/heads/*:refs/remotes/origin/*")
        for name in (revision, "origin/" + revision):
            if run(
                *git, "rev-parse", "-q", "--verify", name + "^{commit}", check=False, quiet=True
            ):
                continue
            run(*git, "reset", "-q", "--hard", name)
            break
        else:
            fail("revision %r was not found in %s" % (options["revision"], options["url"]))
    found = subprocess.run(
        ["git", *git, "rev-parse", "HEAD"], stdout=subprocess.PIPE, check=True, text=True
    )
    return found.stdout.strip()


def parse(argv: Sequence[str]) -> Dict[str, str]:
    """Read flags with one dash or two, and values after ``=`` or as the next word."""
    options = dict(FLAGS)
    words = list(argv)
    while words:
        word = words.pop(0)
        name, equals, value = word.lstrip("-").partition("=")
        if not word.startswith("-") or name not in FLAGS:
            fail("unknown argument %r; there are -%s" % (word, ", -".join(FLAGS)))
        if not equals:
            value = "true" if name in SWITCHES else (words.pop(0) if words else "")
        options[name] = value
    if not options["url"]:
        fail("-url is required")
    if options["url"].startswith("-"):
        fail("-url %r is no address" % options["url"])
    for name in SWITCHES:
        options[name] = "false" if options[name].lower() in ("false", "0", "f") else "true"
    if not options["depth"].isdigit():
        fail("-depth %r is no number" % options["depth"])
    return options


def prepare_environment(options: Mapping[str, str]) -> None:
    """Tell git about proxies, certificates and that nobody can answer questions."""
    os.environ.setdefault("GIT_TERMINAL_PROMPT", "0")
    if options["sslVerify"] == "false":
        os.environ["GIT_SSL_NO_VERIFY"] = "true"
    for flag, variable in (
        ("httpProxy", "HTTP_PROXY"),
        ("httpsProxy", "HTTPS_PROXY"),
        ("noProxy", "NO_PROXY"),
    ):
        if options[flag]:
            os.environ[variable] = os.environ[variable.lower()] = options[flag]
    home = os.environ.get("HOME", "/")
    with tempfile.NamedTemporaryFile("w", suffix=".gitconfig", delete=False) as file:
        # What lies in a volume often belongs to somebody else than the user of this step, and the
        # other end of a local clone reads no configuration but files.
        file.write(CONFIG % os.path.join(home, ".gitconfig"))
    os.environ["GIT_CONFIG_GLOBAL"] = file.name
    if os.path.isfile(os.path.join(home, ".ssh", "config")):
        # ssh reads the home of the user database, not $HOME; StrictHostKeyChecking as configured.
        os.environ.setdefault("GIT_SSH_COMMAND", "ssh -F %s/.ssh/config" % home)


def clear(path: str) -> None:
    """Make an empty directory of ``path``; one that is a volume cannot be removed itself."""
    os.makedirs(path, exist_ok=True)
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def report(commit: str, options: Mapping[str, str]) -> None:
    """Write what Tekton records about a git resource."""
    target = options["terminationMessagePath"] or os.environ.get("TEKTON_TERMINATION_PATH", "")
    name = os.environ.get("TEKTON_RESOURCE_NAME", "")
    if not target:
        return
    entries = [
        {"key": "commit", "value": commit, "resourceName": name},
        {"key": "url", "value": options["url"], "resourceName": name},
    ]
    with open(target, "w") as file:
        json.dump(entries, file)


def run(*words: str, check: bool = True, quiet: bool = False) -> int:
    """Run git; return its exit code."""
    done = subprocess.run(
        ["git", *words], check=False, stderr=subprocess.DEVNULL if quiet else None
    )
    if check and done.returncode:
        fail("git %s failed with exit code %d" % (" ".join(words), done.returncode))
    return done.returncode


def say(text: str) -> None:
    """Tell the log."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(text: str) -> NoReturn:
    """End with an explanation."""
    say("git-init: " + text)
    sys.exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
