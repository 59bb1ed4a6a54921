# Run by IPython at the start of every kernel ($PYTHONSTARTUP), in the learner's own namespace:
# nothing is left there.
if "get_ipython" in globals() and __import__("importlib.util").util.find_spec("course_lib"):
    __import__("course_lib.classroom.unmade", fromlist=["explain"]).explain(
        globals()["get_ipython"]()
    )
