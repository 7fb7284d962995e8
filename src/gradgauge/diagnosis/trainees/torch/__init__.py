"""A PyTorch module under diagnosis."""
