"""Words from outside made fit for a notice: nothing hidden, nothing personal, nothing a font cannot show."""

from __future__ import annotations

import re
import unicodedata

from anyascii import anyascii

_HIDDEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
# What the fonts inside typst (Libertinus Serif, New Computer Modern, DejaVu Sans Mono) can show, held to it by a test
_LEGIBLE = re.compile(
    "[\u0020-\u04ff\u05d0-\u05ea\u0621-\u063a\u0640-\u0652\u0660-\u0669\u1e00-\u1eff\u2010-\u2027\u2030-\u203e"
    "\u20a0-\u20bf\u2116\u2122\u2190-\u21ff\u2200-\u22ff\u2460-\u24ff\u25a0-\u25ff]+"
)
_EMAIL = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
_PHONE = re.compile(r"(?<![\w+])\+\d(?:[ ().\-]{0,2}\d){6,14}")
_NAMED_PHONE = re.compile(
    r"(?i)\b(tel|telephone|phone|mobile|cell|whats ?app|we ?chat|viber|telegram|signal)\b(\W{0,3})"
    r"\d(?:[ ().\-]{0,2}\d){5,14}"
)


def visible(text: str) -> str:
    """`text` with every character that hides or reorders others written as its code point, such as ``[U+202E]``.

    Covers controls, bidirectional overrides, zero-width characters, lone surrogates and unassigned code points, so
    that what a person reads is what a filter reads. Line breaks become spaces.
    """
    return "".join(_shown(character) for character in text)


def plain(text: str, max_length: int | None = None) -> str:
    """`visible` text on one line with single spaces; longer than `max_length` it ends in an ellipsis."""
    line = " ".join(visible(text).split())
    if max_length is not None and len(line) > max_length:
        return line[: max_length - 1].rstrip() + "…"
    return line


def _shown(character: str) -> str:
    if character in "\t\n\v\f\r\x85\u2028\u2029":
        return " "
    return f"[U+{ord(character):04X}]" if unicodedata.category(character) in _HIDDEN else character


def legible(text: str) -> str:
    """`plain` text that the letter's fonts can show; the rest is transliterated: ``高仿`` → ``[GaoFang]``."""
    return _outside(_LEGIBLE, plain(text))


def ascii_only(text: str) -> str:
    """`plain` text in printable ASCII; the rest is transliterated in brackets."""
    return _outside(re.compile("[\x20-\x7e]+"), plain(text))


def latin_only(text: str) -> str:
    """`plain` text in Latin-1; the rest is transliterated in brackets."""
    return _outside(re.compile("[\x20-\x7e\xa1-\xff]+"), plain(text))


def _outside(shown: re.Pattern[str], text: str) -> str:
    pieces, end = [], 0
    for run in shown.finditer(text):
        pieces += [_transliterated(text[end : run.start()]), run.group()]
        end = run.end()
    return "".join([*pieces, _transliterated(text[end:])])


def _transliterated(run: str) -> str:
    if not run:
        return ""
    return f"[{anyascii(run).strip() or ' '.join(f'U+{ord(character):04X}' for character in run)}]"


def personal_data_in(text: str) -> tuple[str, ...]:
    """The e-mail addresses and telephone numbers in `text`, in order of kind."""
    return tuple(hit.group() for kind in (_EMAIL, _PHONE, _NAMED_PHONE) for hit in kind.finditer(text))


def withhold_personal_data(text: str) -> str:
    """`text` without e-mail addresses and telephone numbers: a notice needs neither a buyer's nor a seller's."""
    text = _EMAIL.sub("[e-mail address withheld]", text)
    text = _NAMED_PHONE.sub(r"\1\2[number withheld]", text)
    return _PHONE.sub("[number withheld]", text)
