"""The last task of exercise 05: three bits and a teacher."""

from ..budget import Budget, student
from ..quantization.few_bits import rounded

taught = Budget(
    "05_distillation",
    "taught",
    origin=student,
    alike=0.85,  # three bits and 640 photos leave 0.97, two bits 0.90
    method=rounded,
    most_bytes=21_700,
    accuracy=0.968,
    test_accuracy=0.962,
    why="Rounded networks are taught by what they were before, in practice too: no labels needed, "
    "and a few hundred photos do.",
    hints=(
        "How many leaves does the rounded student name right before it is taught anything, and how "
        "many after your teaching? Change one thing at a time.",
        "Few photos, once: each must say as much as it can. At which temperature did the chapter "
        "hear most of the doubts? And is the step too large, or too small?",
        "Try three temperatures that are far apart with one learning rate, and with the best of "
        "them three learning rates, each several times the one before.",
    ),
)
