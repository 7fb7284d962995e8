"""Networks of a notation: their trainer, which is the engine, and their diagnosis."""
