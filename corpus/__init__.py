"""Trainings with a known state of health, for judging `gradgauge.diagnose`: `python -m corpus`.

Every case is made in seconds from a fault, or from a healthy training that looks odd. Half of
them, drawn by a fixed seed before any limit was chosen, are never tuned on.
"""
