"""The gauges, live, in somebody's own training: Keras, PyTorch, Lightning, Hugging Face, JAX.

`dispatch.watch` picks the watcher; no framework is imported that the program has not imported.
"""

from gradgauge.layers import LayerInfo, Note

__all__ = ["LayerInfo", "Note"]
