"""Which process this is, and whether another one of this machine still lives: what it held is free at once when it does
not. The rule: only what is sure is said; nothing is known of other machines and containers."""

from __future__ import annotations

import os
from pathlib import Path


def machine() -> str:
    """Return this machine's boot id and, as containers share that, the name space of its process numbers; "" where no
    /proc tells."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink().name.strip('pid:[]')}"
    except OSError:
        return ""


def start_of(pid: int) -> str | None:
    """Return when a living process started (field 22 of /proc/<pid>/stat); None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def this_process() -> tuple[int, str]:
    """Return this process's number and when it started: together they are never used again."""
    return os.getpid(), start_of(os.getpid()) or ""
