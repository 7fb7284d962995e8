"""What a model file may hold: checked as data, before Keras sees any of it."""
