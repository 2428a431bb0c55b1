"""Text from files on its way to people. Every writer of this package uses `clean_text`.

Titles, model names and messages come out of a file that anybody may have written. A carriage return
in one of them starts a line of its own in Markdown, an escape character drives a terminal, a
direction override turns "failed" around, and XML knows no NUL.
"""

from __future__ import annotations

import sys
import unicodedata

import click

REPLACEMENT = "\ufffd"
"""Stands for a character that must not be shown."""
_LINE_BREAKS = frozenset("\t\n\v\f\r\x1c\x1d\x1e\x85\u2028\u2029")
_JOINERS = frozenset("\u200c\u200d")
"""Format characters that belong to words of Persian, of Indian languages, and to emoji."""
_NOT_SHOWN = ("Cc", "Cf", "Cs", "Co")
"""Control characters, formats (direction overrides, zero-width marks), surrogates, private use."""


def clean_text(text: str) -> str:
    """Return a text on one line, without characters that programs obey and no reader sees.

    Line breaks of every kind become a space. Control, format and direction characters, lone
    surrogates and noncharacters become U+FFFD. The result may be shown by a terminal, and is legal
    in XML 1.0.
    """
    if text.replace("\u00a0", " ").isprintable():
        return text
    return "".join(_clean_character(character) for character in text)


def clean_lines(text: str) -> str:
    """Clean each line of a text that may have several, separated by newlines."""
    return "\n".join(clean_text(line) for line in text.split("\n"))


def print_line(text: str, *, to_stderr: bool = False) -> None:
    r"""Print a line for people.

    A character that the console's encoding lacks is shown as an escape such as '\xe9'.

    Args:
        text: The line.
        to_stderr: Whether it goes to the standard error output.
    """
    shown = clean_text(text)
    encoding = getattr(sys.stderr if to_stderr else sys.stdout, "encoding", None) or "utf-8"
    click.echo(shown.encode(encoding, "backslashreplace").decode(encoding), err=to_stderr)


def _clean_character(character: str) -> str:
    if character in _LINE_BREAKS:
        return " "
    if character in _JOINERS:
        return character
    code = ord(character)
    nonsense = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    return REPLACEMENT if nonsense or unicodedata.category(character) in _NOT_SHOWN else character
