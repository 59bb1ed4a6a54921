"""The exercise that these checks are of."""

CHAPTER = "04_quantization"
