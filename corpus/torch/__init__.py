"""PyTorch trainings, by set."""
