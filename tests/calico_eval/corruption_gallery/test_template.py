"""The markup of the page: it loads nothing."""

from __future__ import annotations

import re

from calico_eval.corruption_gallery.template import CSS, TEMPLATE


def test_neither_markup_nor_style_loads_anything() -> None:
    assert not re.search(r"<script|<link|https?:|@import|url\(", CSS + TEMPLATE)
    assert CSS.count("{") == CSS.count("}")
    blocks = re.findall(r"{% (if|for|endif|endfor)\b", TEMPLATE)
    assert blocks.count("if") == blocks.count("endif") > 0
    assert blocks.count("for") == blocks.count("endfor") > 0
