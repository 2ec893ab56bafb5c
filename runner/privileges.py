"""Give up root for good before anything of a submission is touched."""

from __future__ import annotations

import ctypes
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

ACCOUNT = "ulos-runner"
"""A system account of this name is used if the administrator has created one."""

OWN_ID = 61_977
"""User and group without an account, outside the ranges that Linux distributions assign."""

_NOBODY = 65_534
_PR_SET_DUMPABLE, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 4, 24, 38
_CAPABILITY_SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")


class StillPrivileged(Exception):
    """The runner could not give up root, so it must not start."""


@dataclass(frozen=True, slots=True)
class User:
    """Numeric ids of a user."""

    uid: int
    gid: int


def choose_user() -> User:
    """Return the user that a runner started as root becomes.

    The account `ulos-runner` if it exists, else an id that no account has, else `nobody` (in a
    container that maps only few ids).
    """
    try:
        account = pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    else:
        return User(account.pw_uid, account.pw_gid)
    try:
        pwd.getpwuid(OWN_ID)
    except KeyError:
        if _is_mapped("uid_map", OWN_ID) and _is_mapped("gid_map", OWN_ID):
            return User(OWN_ID, OWN_ID)
    return User(_NOBODY, _NOBODY)


def drop_root() -> None:
    """Become the unprivileged user for good if root; forbid new privileges in any case.

    Raises:
        StillPrivileged: root or a capability is left, or can be regained.

    """
    was_root = os.geteuid() == 0
    if was_root:
        user = choose_user()
        _empty_bounding_set()
        os.setgroups([])
        os.setresgid(user.gid, user.gid, user.gid)
        os.setresuid(user.uid, user.uid, user.uid)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)  # no other process of this user may attach to the runner
    if was_root and 0 in {*os.getresgid(), *os.getgroups()}:
        raise StillPrivileged("the runner still has a group of root")
    _verify()


def _verify() -> None:
    """Check that root is gone and cannot be regained."""
    if 0 in os.getresuid():
        raise StillPrivileged("the runner still has an id of root")
    status = dict(line.split(":\t", 1) for line in Path("/proc/thread-self/status").read_text().splitlines())
    if any(int(status[name], 16) for name in _CAPABILITY_SETS):
        raise StillPrivileged("the runner still has capabilities")
    if status["NoNewPrivs"].strip() != "1":
        raise StillPrivileged("the runner could gain new privileges")
    try:
        os.setresuid(0, 0, 0)
    except PermissionError:
        return
    raise StillPrivileged("the runner can become root again")


def _empty_bounding_set() -> None:
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _prctl(_PR_CAPBSET_DROP, capability)


def _is_mapped(table: str, number: int) -> bool:
    """Whether the user namespace that we run in has this id."""
    for line in Path(f"/proc/self/{table}").read_text().splitlines():
        first, _, count = (int(part) for part in line.split())
        if first <= number < first + count:
            return True
    return False


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise StillPrivileged(f"prctl({option}, {value}): {os.strerror(code)}")
