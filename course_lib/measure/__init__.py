"""The scorecard and what it is made of: times, intervals, tables, claims, recordings."""
