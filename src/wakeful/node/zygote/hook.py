"""Runs inside instances, by whatever Python they have, before the program: records or waits.

It is mounted as ``sitecustomize`` into instances of revisions that ask for a zygote, and needs
nothing but the standard library of Python 3.7 and later. It has one of two orders, in the variable
``WAKEFUL_ZYGOTE``:

- ``record:INODE``: descriptor 9 is a file that the names of imported modules are appended to.
- ``park:INODE:ROUND``: descriptor 8 is a file with the modules to import now, descriptor 9 a
  socket. The program begins when something can be read there, or nothing ever will.

After that the interpreter goes on to its program as if nothing had been: the very process that
waited runs it, under its own command line. What a module must not do ahead of time (start threads,
open sockets, change the path of modules, fail) has it left out: the process executes itself afresh
and waits without that module and those that came with it.
"""

# What is imported here is imported into every program, so it is little:
# ruff: noqa: PTH100, PTH115, PTH119, PTH120, PTH123, PTH208, SIM105
from __future__ import annotations

import os
import sys
import time

VARIABLE, SKIP = "WAKEFUL_ZYGOTE", "WAKEFUL_ZYGOTE_SKIP"
PLAN_FD, CHANNEL_FD = 8, 9
ROUNDS = 6
LIMIT = 5000
_STARTS = frozenset({"subprocess.Popen", "os.posix_spawn", "os.exec"})


def start() -> None:
    """Take the order, and leave no trace of it in what the program sees."""
    order = os.environ.pop(VARIABLE, "")
    skip = os.environ.pop(SKIP, "")
    here = os.path.dirname(os.path.abspath(__file__))
    path = os.environ.get("PYTHONPATH", "")
    rest = os.pathsep.join(entry for entry in path.split(os.pathsep) if entry != here)
    if rest:
        os.environ["PYTHONPATH"] = rest
    else:
        os.environ.pop("PYTHONPATH", None)
    give_way(here)
    mode, _, detail = order.partition(":")
    inode, _, turn = detail.partition(":")
    try:
        if str(os.fstat(CHANNEL_FD).st_ino) != inode:
            return  # another program of the same container, which does not have the descriptor
    except OSError:
        return
    if mode == "record":
        os.set_inheritable(CHANNEL_FD, False)
        recorder = Recorder(CHANNEL_FD)
        sys.meta_path.insert(0, recorder)
        if hasattr(sys, "addaudithook"):  # not in Python 3.7
            sys.addaudithook(recorder.audit)
    elif mode == "park":
        again = {VARIABLE: f"park:{inode}:{int(turn) + 1}", "PYTHONPATH": path}
        park(int(turn), [name for name in skip.split(",") if name], again)


def give_way(here: str) -> None:
    """Let the ``sitecustomize`` have its turn that this one has hidden."""
    sys.path[:] = [entry for entry in sys.path if entry != here]
    sys.path_importer_cache.pop(here, None)
    own = sys.modules.pop("sitecustomize", None)
    try:
        __import__("sitecustomize")
    except ImportError as error:
        if error.name != "sitecustomize":
            raise
    finally:
        if own is not None:
            sys.modules.setdefault("sitecustomize", own)


def command_line() -> bytes:
    """How this interpreter was started, which tells it from others of the same container."""
    with open("/proc/self/cmdline", "rb") as file:
        return file.read()


class Recorder:
    """Notes every module that is imported, in order; also in processes forked from this one.

    A module that is looked for may be wanted for its place alone, as by ``python -m``. Whether it
    is imported shows when the next one is looked for: so the last one of all is only ever tried.
    """

    def __init__(self, fd: int) -> None:
        self._fd, self._tag, self._path, self._left = fd, os.getpid(), [""], LIMIT
        self._tried = ""
        self._apart: set[str] = set()
        self._note("argv", command_line().hex())

    def audit(self, event: str, args: tuple[object, ...]) -> None:
        """Note that the program goes on elsewhere: in another interpreter or program."""
        if event == "os.exec" and os.getpid() == self._tag:
            self._note_apart("exec")
        elif event in _STARTS and is_python(args[0], args[1]):
            self._note_apart("spawn")

    def _note_apart(self, kind: str) -> None:
        if kind in self._apart:
            return
        self._apart.add(kind)
        try:
            self._note(kind, "")
        except OSError:
            pass

    def _note(self, kind: str, text: str) -> None:
        os.write(self._fd, f"{self._tag} {kind} {text}\n".encode("utf-8", "replace"))

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        """Find nothing."""
        del path, target
        try:
            if sys.path != self._path:
                self._path = list(sys.path)
                self._note("path", os.fsencode("\0".join(self._path)).hex())
            if self._tried in sys.modules:
                self._note("name", self._tried)
            self._tried = name
            self._note("try", name)
            self._left -= 1
        except (OSError, TypeError):
            self._left = 0
        if self._left <= 0 and self in sys.meta_path:
            sys.meta_path.remove(self)


def is_python(program: object, words: object) -> bool:
    """Whether a program that is started is an interpreter, by its name."""
    first = words[0] if isinstance(words, (list, tuple)) and words else words
    for name in (program, first):
        if isinstance(name, (str, bytes)) and name:
            return os.path.basename(os.fsdecode(name)).startswith("python")
    return False


def park(turn: int, skip: list[str], again: dict[str, str]) -> None:
    """Import what the plan says, tell, and wait for the word to begin."""
    argv, path, names = read_plan()
    if argv != command_line():
        return  # the one that the plan means is yet to come
    begun = time.monotonic()
    own, before = list(sys.path), len(sys.modules)
    sys.path[:] = path
    why, chain = preload(names, set(skip), path)
    sys.path[:] = own
    if why and turn + 1 < ROUNDS:
        tell("left", f"{why}\t{' '.join(chain)}")
        execute({**again, SKIP: ",".join(skip + chain)})
    elif why:
        tell("unfit", f"{why}, and others before it")
        execute({})
    took = (time.monotonic() - begun) * 1000
    tell("loaded", f"{len(sys.modules) - before} {took:.0f} {resident_kib()}")
    try:
        os.read(CHANNEL_FD, 16)
    except OSError:
        pass  # whatever it is, nobody will come and say more
    for fd in (PLAN_FD, CHANNEL_FD):
        try:
            os.close(fd)
        except OSError:
            pass


def execute(extra: dict[str, str]) -> None:
    """Begin afresh, as this process was begun, with ``extra`` in its environment."""
    words = [os.fsdecode(word) for word in command_line().split(b"\0")[:-1]]
    program = os.readlink("/proc/self/exe")  # the first word may be a name, or that of an embedder
    os.execve(program, words, {**os.environ, **extra})  # noqa: S606 - no shell is meant


def read_plan() -> tuple[bytes, list[str], list[str]]:
    """Return the command line that is meant, the path of modules and their names."""
    data, argv = b"", b""
    path: list[str] = []
    names: list[str] = []
    while True:
        chunk = os.pread(PLAN_FD, 65536, len(data))
        if not chunk:
            break
        data += chunk
    for line in data.decode("utf-8", "replace").split("\n"):
        kind, _, text = line.partition(" ")
        if kind == "argv":
            argv = bytes.fromhex(text)
        elif kind == "path":
            path = os.fsdecode(bytes.fromhex(text)).split("\0")
        elif kind == "name":
            names.append(text)
    return argv, path, names


def preload(names: list[str], skip: set[str], path: list[str]) -> tuple[str, list[str]]:
    """Import in the order in which the program did; return what went wrong and what to leave out.

    A module that cannot be found now may not have been then: programs try what they can do without.
    """
    threads, sockets = count_threads(), open_sockets()
    for name in names:
        if name in sys.modules or name in skip:
            continue
        before = set(sys.modules)
        why = ""
        try:
            __import__(name)
        except ImportError:
            continue
        except BaseException as error:  # noqa: BLE001 - a module may do anything, exit included
            why = f"failed ({type(error).__name__})"
        if count_threads() > threads:
            why = "started threads"
        elif open_sockets() - sockets:
            why = "opened sockets"
        elif sys.path != path:
            why = "changed the path of modules"
        if why:
            return f"{name} {why}", [name, *(new for new in sys.modules if new not in before)]
    return "", []


def count_threads() -> int:
    """Threads of Python; pools of native libraries look after themselves."""
    return len(sys._current_frames())  # noqa: SLF001 - the documented way


def open_sockets() -> set[str]:
    """The sockets of this process."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink("/proc/self/fd/" + fd)
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def resident_kib() -> int:
    """Memory in use."""
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def tell(kind: str, text: str) -> None:
    """Send a line to the node; it is not told twice."""
    try:
        os.write(CHANNEL_FD, f"{kind} {text}\n".encode("utf-8", "replace"))
    except OSError:
        pass


if __name__ == "sitecustomize":
    start()
