"""Remedies: what is wrong with a training is changed, and the change is proved by a trial.

`known/` has one file a remedy; `trainer.Trainer` is what a framework must be able to do; the trial
knows nothing of frameworks. The package is not called `remedy`: it would replace the function.
"""
