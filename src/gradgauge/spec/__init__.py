"""What to build and how to train it: frozen, validated, without arrays."""
