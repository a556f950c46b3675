"""Text from strangers' pages, made fit to be stored and compared."""

from __future__ import annotations

import re

from w3lib.html import remove_tags, replace_entities

MAX_TITLE = 1_000
MAX_DESCRIPTION = 20_000
MAX_FIELD = 500
"""Characters kept of each; what is longer is cut, for no shop shows more."""

# controls that databases refuse or terminals obey; zero-width characters stay, for hiding them is a finding
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_TAG = re.compile(r"<[a-zA-Z/!]")
_BLANKS = re.compile(r"[ \t\r\f\v]+")
_BREAKS = re.compile(r" ?\n[ \n]*")


def clean(value: object, longest: int = MAX_FIELD) -> str:
    """Text or a number as one line (a description keeps its lines), without tags, controls and lone surrogates.

    Empty for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = str(value)[: longest * 4]
    if "<" in text and _TAG.search(text):
        text = remove_tags(text)
    text = replace_entities(text) if "&" in text else text
    if not text.isprintable():
        text = _CONTROLS.sub("", text.encode("utf-8", "replace").decode("utf-8"))
    text = _BREAKS.sub("\n", _BLANKS.sub(" ", text)) if longest == MAX_DESCRIPTION else " ".join(text.split())
    return text.strip()[:longest].rstrip()
