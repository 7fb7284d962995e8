"""The command line: `app.py` finds commands and turns errors into one sentence; one file a command.

From the first import on, Ctrl-C ends the program without a traceback. That is for the program
alone: whoever imports this package keeps his own handler.
"""

import os
import signal
import sys

PROGRAMS = ("gradgauge", "gradgauge.exe", "gradgauge-script.py", "__main__.py")

if os.path.basename(sys.argv[0]) in PROGRAMS and (  # noqa: PTH119  pathlib takes 10 ms to import
    signal.getsignal(signal.SIGINT) is signal.default_int_handler
):
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
