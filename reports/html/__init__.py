"""The HTML report: one self-contained file, no script, no network."""

from reports.html.render import render_html

__all__ = ["render_html"]
