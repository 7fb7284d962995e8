"""Spec and arrays in, Run out, in JAX. `train.py` is the only door.

Imported on first use: JAX takes half a second. Its flags are set here, before any module of the
engine imports it.
"""

from gradgauge.engine.flags import set_flags

set_flags()
