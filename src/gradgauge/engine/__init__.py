"""Spec and arrays in, Run out, in JAX. `train.py` is the only door; `runtime.py` starts JAX.

Imported on first use: JAX takes half a second.
"""
