"""The filter of system calls for everything that runs in the sandbox.

Known calls are allowed unless they are listed here; what libseccomp does not know (calls of newer
kernels) answers "not implemented", as on an older kernel.
"""

from __future__ import annotations

import errno
import tempfile

try:
    import pyseccomp
except (ImportError, RuntimeError):  # the shared library is missing
    pyseccomp = None

_DENIED = {
    "other processes": (
        "ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_getfd perf_event_open "
        "move_pages migrate_pages mbind set_mempolicy set_mempolicy_home_node"
    ),
    "namespaces and mounts": (
        "unshare setns mount umount umount2 pivot_root chroot move_mount open_tree fsopen fsconfig fsmount "
        "fspick mount_setattr name_to_handle_at open_by_handle_at"
    ),
    "memory that belongs to no process, so that no limit counts it": (
        "memfd_create memfd_secret shmget shmat shmctl shmdt userfaultfd remap_file_pages"
    ),
    "parts of the kernel that no grader needs and that had many vulnerabilities": (
        "bpf io_uring_setup io_uring_enter io_uring_register keyctl add_key request_key fanotify_init "
        "landlock_create_ruleset vmsplice modify_ldt lookup_dcookie nfsservctl uselib vm86 vm86old"
    ),
    "the machine": (
        "acct reboot swapon swapoff kexec_load kexec_file_load init_module finit_module delete_module "
        "create_module query_module get_kernel_syms iopl ioperm syslog quotactl quotactl_fd settimeofday "
        "clock_settime clock_adjtime adjtimex stime sethostname setdomainname vhangup _sysctl bdflush"
    ),
}
"""System calls that are refused, by what they are about."""

_NAMESPACE_FLAGS = 0x7E02_0080
"""CLONE_NEWTIME, NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET."""

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_HIGHEST_CALL = 1024


class NoSeccomp(Exception):
    """libseccomp is not installed or too old; the text says so."""


def build_filter() -> bytes:
    """Return the compiled filter in the form that bubblewrap takes.

    Raises:
        NoSeccomp: libseccomp cannot be loaded.

    """
    if pyseccomp is None:
        raise NoSeccomp("libseccomp is not installed (apt-get install libseccomp2)")
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.ENOSYS))
    refuse = pyseccomp.ERRNO(errno.EPERM)
    denied = {name for names in _DENIED.values() for name in names.split()}
    special = {"clone", "clone3", "socket"}
    for number in range(_HIGHEST_CALL):
        name = _name_of(number)
        if name is not None and name not in special:
            rules.add_rule(refuse if name in denied else pyseccomp.ALLOW, number)
    flags = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, _NAMESPACE_FLAGS, 0)
    rules.add_rule(pyseccomp.ALLOW, "clone", flags)  # clone3 hides its flags: programs fall back to clone
    for family in (_UNIX, _NETLINK):
        rules.add_rule(pyseccomp.ALLOW, "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    for family in (_INET, _INET6):  # not even the loopback interface
        rules.add_rule(pyseccomp.ERRNO(errno.ENETUNREACH), "socket", pyseccomp.Arg(0, pyseccomp.EQ, family))
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _name_of(number: int) -> str | None:
    try:
        name = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, number)
    except ValueError:
        return None
    return name.decode() if isinstance(name, bytes) else str(name)
