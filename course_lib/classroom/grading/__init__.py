"""Grading a class: `new` makes its folder, `grade` marks what was handed in.

    python -m course_lib class new CLASS
    python -m course_lib class grade CLASS submissions.zip

`submissions` reads what platforms give, `repair` makes it whole, `kernel` runs it (by `client`)
behind the walls of `sandbox`, which `probing` tries. `judging` has its checks judged in a process
of their own (`judge`), which asks the learner's kernel (`answering`) for plain values (`plain`).
`gradebook` keeps the marks in nbgrader's own layout, `grader` does all of it.
"""
