"""Watching PyTorch, and the trainers built on it."""
