"""Properties that any sound training has, asked of the model itself before it trains.

A property is asked by experiment: a sample is replaced, weights are moved, the loss is followed
operation by operation. Whether the training then learns a little does not matter. One file a
property; `experiment.Experiment` is what a framework must be able to do for them. Nothing here
knows a rule or a sentence: the answers are plain data.
"""
