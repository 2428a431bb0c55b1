"""The sets of changes that an attack searches: pixels, points, or both within one budget."""
