"""Grading a class: `new` makes its folder, `grade` marks what was handed in.

    python -m course_lib class new CLASS
    python -m course_lib class grade CLASS submissions.zip

`submissions` collects what platforms give: `handed_in` and `archives` read it, `layouts` and
`exercise_names` know what files are called, `recognition` and `reading` what they are, `learners`
keeps people apart. `repair` makes a notebook whole again, with its `attachments`; `kernel` runs it
(by `client`) behind the walls of `sandbox`, which `probing` tries. `judging` has its checks judged
in a process of their own (`judge`), which asks the learner's kernel (`answering`) for plain values
(`plain`). `gradebook` keeps the marks in nbgrader's own layout, and `pages` are what learners get
back. `grader` does all of it.
"""
