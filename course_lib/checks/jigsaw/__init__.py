"""Checks of exercise 01: MACs, borders, latencies, paired differences, channels to silence."""

# In the order of the exercise, which `progress` shows.
from .conv_macs import conv_macs
from .framed import framed
from .my_middle import my_middle
from .median_and_p90 import median_and_p90
from .points_and_margin import points_and_margin
from .few_channels import few_channels

# What is shown after the written answers.
from .why_middle import why_middle
from .why_channels import why_channels
