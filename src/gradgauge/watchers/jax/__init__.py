"""Watching JAX: any tree of parameters."""
