"""Enter a network of one's own without being root.

`enter` moves the calling process, and all that it starts, into a new user, network and UTS namespace: the same user id, an own loopback
device, an own host name. From then on nothing outside can connect to it and it can connect to nothing outside. `available` tries that in a
child. Linux only; some kernels and containers refuse it, which `available` says.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

# linux/sched.h, linux/sockios.h, net/if.h, linux/prctl.h
CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWNET = 0x04000000, 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def enter(hostname: str) -> None:
    """Move this process, which must have one thread, into namespaces of its own. OSError where the kernel refuses."""
    if not sys.platform.startswith("linux"):
        raise OSError("network namespaces need Linux")
    user, group = os.getuid(), os.getgid()
    _checked(_libc().unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _raise_loopback()
    name = hostname.encode()
    _checked(_libc().sethostname(name, len(name)), "sethostname")


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = bytearray(struct.pack("16sh22x", b"lo", 0))
        fcntl.ioctl(control, SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", request, 16)
        struct.pack_into("h", request, 16, flags | IFF_UP)
        fcntl.ioctl(control, SIOCSIFFLAGS, bytes(request))


def available() -> bool:
    """Whether `enter` works here: tried in a child. To be asked before this process has threads."""
    child = os.fork()
    if child == 0:
        try:
            enter("probe")
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, so that none gets out of sight. Does nothing where that is unknown."""
    if sys.platform.startswith("linux"):
        _libc().prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_with_parent(signal_number: int) -> None:
    """Get `signal_number` when the parent ends. Does nothing where that is unknown."""
    if sys.platform.startswith("linux"):
        _libc().prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
