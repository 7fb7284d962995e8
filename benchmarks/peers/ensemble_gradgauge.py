"""gradgauge's ensemble, gauges on: prints networks a second. Arguments: depth width networks."""

import sys

from gradgauge.datasets import load
from gradgauge.engine.terms import Entry
from gradgauge.engine.train import train
from gradgauge.spec.network import NetworkSpec
from gradgauge.spec.training import TrainingSpec

depth, width, networks = map(int, sys.argv[1:4])
data = load("mnist")
network = NetworkSpec.uniform(784, depth, width, 10, "relu")
training = TrainingSpec(epochs=1, seeds=tuple(range(networks)))
train([Entry("warm-up", network, training.replace(seeds=(0,)))], data)
seconds = train([Entry("relu", network, training)], data).seconds
print(networks / (seconds["train"] + seconds["evaluate"]))
