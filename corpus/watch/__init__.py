"""A battery for `gradgauge.watch`: models of real packages, read twice: `python -m corpus watch`.

Every training runs three times from the same seed: plainly, under plain hooks and float64 sums
of our own (`torch_reading`), and watched. The watched one must end bit for bit as the plain one,
and its Run must give the figures that our own reading gives, or say in a note why it does not.
"""
