"""Techniques one after the other: recipes, their results, and the search for the balance."""
