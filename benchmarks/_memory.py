"""Memory of a benchmark's own process."""

from __future__ import annotations

from pathlib import Path


def peak_bytes() -> int:
    """Peak resident memory of this process (Linux's VmHWM: getrusage's is the parent's too)."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024
