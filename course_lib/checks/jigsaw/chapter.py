"""The exercise that these checks are of."""

CHAPTER = "01_jigsaw"
