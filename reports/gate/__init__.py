"""The gate: checks results against rules and a baseline, and gives one verdict for each check."""
