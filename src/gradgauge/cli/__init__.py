"""The command line: `app.py` finds commands and turns errors into one sentence; one file a command.

From the first import on, Ctrl-C ends the program without a traceback. That is for the program
alone: whoever imports this package keeps his own handler.
"""

import os
import signal
import sys

PROGRAMS = ("gradgauge", "gradgauge.exe", "gradgauge-script.py")


def _is_the_program() -> bool:
    """Whether this process is ours, and not one of somebody's who imports gradgauge."""
    # pathlib takes 10 ms to import.
    folder, name = os.path.split(sys.argv[0])
    is_module = name == "__main__.py" and os.path.basename(folder) == "gradgauge"  # noqa: PTH119
    return is_module or name in PROGRAMS


if _is_the_program() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
