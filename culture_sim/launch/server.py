"""Loaded first by the server that workers are forked from: its session and its name.

What a person or a scheduler sends to the command's group, such as Ctrl-C, is for the command
itself, which then ends its workers in order. The server ends when command and workers have.
"""

import gc
import os

from setproctitle import setproctitle

from culture_sim.launch.memory import keep_freed_memory

os.setsid()
keep_freed_memory()
setproctitle("culture_sim.server")
gc.disable()  # while libraries are loaded, of which nothing is garbage; see ahead.settled
