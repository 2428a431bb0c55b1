"""The robustness sweep: conditions x engines, cell by cell, resumable."""
