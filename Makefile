# Every target calls course.py, which does the same where there is no make:
#   python course.py COMMAND
# PYTHON is the Python to start with, ARGS is passed on: make course ARGS="01"
PYTHON ?= python3

.PHONY: help setup course lab doctor test test-quick test-slow author notebooks class address anew bench

help:
	@"$(PYTHON)" course.py help

setup course lab doctor test test-quick test-slow author notebooks class address anew bench:
	@"$(PYTHON)" course.py $@ $(ARGS)
