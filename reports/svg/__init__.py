"""Geometry of the charts: numbers in, SVG coordinates out. The markup is in reports/html."""
