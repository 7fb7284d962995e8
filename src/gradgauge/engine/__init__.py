"""Spec and arrays in, Run out, in JAX. `train.py` and `initial.py` are the doors.

Neither door imports JAX, nor do `build`, `cache`, `history`, `limits`, `program_key` and
`results`: reading what a training left costs nothing and configures nothing. JAX is set up when a
training is asked for (`runtime.start`).
"""
