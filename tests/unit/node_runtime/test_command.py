"""Arguments for bubblewrap."""

from __future__ import annotations

from wakeful.node.runtime.command import (
    Bind,
    Overlay,
    SandboxPlan,
    TmpfsAt,
    bubblewrap_arguments,
    bubblewrap_argv,
)
from wakeful.node.runtime.paths import HostView


def words(plan: SandboxPlan) -> list[str]:
    return bubblewrap_arguments(plan).split("\0")[:-1]


def after(args: list[str], *sequence: str) -> int:
    """Position behind ``sequence``, which must be there."""
    for start in range(len(args)):
        if args[start : start + len(sequence)] == list(sequence):
            return start + len(sequence)
    raise AssertionError(f"{sequence} is not in {args}")


def test_command_line_shows_the_program_only() -> None:
    """Everything else comes on a descriptor."""
    assert bubblewrap_argv("/b", ["prog", "-x"]) == ["/b", "--args", "10", "--", "prog", "-x"]


def test_host_root_is_rebuilt_and_closed() -> None:
    """Read-only binds, links, hidden places; the root itself last."""
    view = HostView([("/bin", "usr/bin")], ["/usr", "/etc"], ["/usr/secret"])
    plan = SandboxPlan(root=view, hidden=view.hidden, closed=["/etc"], read_only_root=True)
    args = words(plan)

    after(args, "--symlink", "usr/bin", "/bin", "--ro-bind", "/usr", "/usr", "--ro-bind", "/etc")
    after(args, "--perms", "0000", "--size", "4096", "--tmpfs", "/usr/secret")
    closed = after(args, "--remount-ro", "/etc")
    assert after(args, "--tmpfs", "/dev/shm") < closed < after(args, "--remount-ro", "/")


def test_rebuilt_directories_keep_their_entries() -> None:
    """Rootless: links stay links, everything else is bound, and it is closed again."""
    view = HostView([], ["/etc"], [])
    args = words(
        SandboxPlan(root=view, exploded={"/etc": [("a", ""), ("l", "../x")]}, cwd="/etc/new")
    )

    after(args, "--tmpfs", "/etc", "--ro-bind", "/etc/a", "/etc/a", "--symlink", "../x", "/etc/l")
    assert after(args, "--dir", "/etc/new") < after(args, "--remount-ro", "/etc")


def test_outer_places_are_made_before_inner_ones() -> None:
    """Or the outer would hide the inner."""
    plan = SandboxPlan(
        root=Bind("/r", "/", read_only=False),
        tmpfs=[TmpfsAt("/a/b", 0o755, 4096)],
        binds=[Bind("/y", "/a/b/c", read_only=False), Bind("/x", "/a")],
        read_only_root=True,
    )
    args = words(plan)

    outer = after(args, "--ro-bind", "/x", "/a")
    middle = after(args, "--perms", "0755", "--size", "4096", "--tmpfs", "/a/b")
    assert outer < middle < after(args, "--bind", "/y", "/a/b/c") < after(args, "--remount-ro", "/")


def test_user_capabilities_and_environment() -> None:
    """Nothing is inherited; values may hold anything but NUL."""
    plan = SandboxPlan(
        root=Overlay("/low", "/up", "/wk"),
        uid=7,
        gid=8,
        capabilities=["KILL"],
        env={"A": "b c\nd", "--": ""},
        cwd="/w",
        hostname="h",
    )
    args = words(plan)

    after(args, "--unshare-user", "--uid", "7", "--gid", "8", "--cap-drop", "ALL", "--cap-add")
    after(args, "--overlay-src", "/low", "--overlay", "/up", "/wk", "/")
    after(args, "--chdir", "/w", "--clearenv", "--setenv", "A", "b c\nd", "--setenv", "--", "")
    assert "--remount-ro" not in args


def test_prepared_user_namespace_is_not_left_to_the_program() -> None:
    """Its descriptor is closed by a trick."""
    args = words(SandboxPlan(root=Bind("/r", "/"), shared_userns=True))

    after(args, "--userns", "11", "--block-fd", "11")
    assert "--unshare-user" not in args
