"""The pictures of the course: a file for each chapter, and one for what several of them draw.

They take plain arrays and return a `Picture`.

>>> picture = curves([0, 1, 2], {"random": [1, 0.5, 0.1]}, "pieces removed", "confidence")
>>> picture.alt
'confidence against pieces removed; random: from 1 to 0.1'
"""

from course_lib.figures.distillation import against_teacher, learning_curves, opinion
from course_lib.figures.jigsaw import budgets, channel_map, jigsaw
from course_lib.figures.low_rank import (
    accuracy_by_macs,
    cost_by_rank,
    energy_curves,
    rank_cut,
    shared_filters,
    time_left,
)
from course_lib.figures.network import before_after, network_picture
from course_lib.figures.neuron_pruning import many_curves, runs, trimming, work_and_time
from course_lib.figures.packing import bytes_by_part
from course_lib.figures.plant_app import frame_budget, not_sure, to_scale, who_pays
from course_lib.figures.plots import contact_sheet, curves, draw_curves, draw_image, images_grid
from course_lib.figures.quantization import engine_times, number_grids, outlier, weight_grid
from course_lib.figures.recipe import code_words, waterfall
from course_lib.figures.search import pareto
from course_lib.figures.trade_offs import by_operation, by_size, confusions, paying, roofline
from course_lib.figures.weight_pruning import (
    accuracy_by_sparsity,
    against_sparsity,
    mask_patterns,
    output_change,
    seeds,
    weight_histogram,
)

__all__ = [
    "accuracy_by_macs", "accuracy_by_sparsity", "against_sparsity", "against_teacher",
    "before_after", "budgets", "by_operation", "by_size", "bytes_by_part", "channel_map",
    "code_words", "confusions", "contact_sheet", "cost_by_rank", "curves", "draw_curves",
    "draw_image", "energy_curves", "engine_times", "frame_budget", "images_grid", "jigsaw",
    "learning_curves", "many_curves", "mask_patterns", "network_picture", "not_sure",
    "number_grids", "opinion", "outlier", "output_change", "pareto", "paying", "rank_cut",
    "roofline", "runs", "seeds", "shared_filters", "time_left", "to_scale", "trimming",
    "waterfall", "weight_grid", "weight_histogram", "who_pays", "work_and_time",
]  # fmt: skip
