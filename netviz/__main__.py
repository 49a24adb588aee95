"""The command ``netviz``, and ``python -m netviz``.

Ctrl-C while Python still imports ends it as it ends any program: there is nothing to tell yet, least of all a traceback.
"""

import signal

# Somebody may have had it ignored (nohup): that stays.
if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from netviz.cli import program

__all__ = ["program"]

if __name__ == "__main__":
    program()
