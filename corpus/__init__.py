"""Trainings with a known state of health, for judging `gradgauge.diagnose`: `python -m corpus`.

Every case is made in seconds from a fault, or from a healthy training that looks odd. Cases are
kept by framework, and sets of them in `sets`: of the first cases one half, drawn by a fixed seed
before any limit was chosen, is never tuned on, and the other sets were written when limits stood.
"""
