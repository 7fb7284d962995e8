"""Keras trainings, by set."""
