"""Chapters and exercises: how they are built, run, handed out and graded."""
