"""`python -m vigil.supervisor.child SERVICE_MODULE SUPERVISOR_PID`: runs a service that dies with its supervisor.

The kernel kills the process when the supervisor's does, however that one ended, so none is left behind.
Setting this in the child itself avoids code between fork and exec.
"""

import ctypes
import os
import runpy
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with(parent: int) -> None:
    """Asks the kernel for SIGKILL at the parent's death (Linux); leaves when it is dead already."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)


if __name__ == "__main__":
    module, supervisor = sys.argv[1], int(sys.argv[2])
    die_with(supervisor)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
