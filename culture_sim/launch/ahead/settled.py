"""Loaded last by the server that workers are forked from: what it has loaded is there to stay.

Workers share the server's memory as far as they do not write to it. A collection of garbage in a
worker would look at every object of the libraries, and by its marks write to all of them.
"""

import gc

gc.freeze()
gc.enable()
