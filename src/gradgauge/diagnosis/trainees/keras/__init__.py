"""A Keras model under diagnosis."""
