"""The exercise that these checks are of."""

CHAPTER = "02_neuron_pruning"
