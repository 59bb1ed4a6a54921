"""The exercise that these checks are of."""

CHAPTER = "03_weight_pruning"
