"""The words by which shops of many languages call things, from lexicon.toml."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_WORD = re.compile(r"\w+")
UNSPACED = re.compile(r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
"""A letter of a script whose words are not parted by blanks, or are joined with others to one."""
_MOST_WORDS = 60
_LONGEST_LABEL = 6
_MARK = re.compile(r"[\s.'’\")\]]*(?P<mark>(?:[:#：№=|–°º-]|n°|nº)*)\s*", re.I)
_ASIDE = re.compile(r"\s*\([^)]{1,30}\)")
_SIGN_OF_NUMBER = re.compile(r"\s?(?:[#№]|n[°º])")
_MARKED = re.compile(r"[:#：№=]|n[°º]", re.I)
_LAST_OF_LATIN = "\u024f"
_MOST_BEFORE = 2
"""Words that may stand before a label: the shop's name, in ``Acme stock no.``."""


class Phrases:
    """Words and phrases, found in a text without regard to case; between blanks in scripts that have them."""

    def __init__(self, phrases: Iterable[str]) -> None:
        self._by_first: dict[str, list[list[str]]] = {}
        self._unspaced: list[str] = []
        for phrase in phrases:
            words = _WORD.findall(phrase.casefold())
            if UNSPACED.search(phrase):
                self._unspaced.append(phrase.casefold())
            else:
                self._by_first.setdefault(words[0], []).append(words)

    def find(self, text: str) -> str:
        """The first of the phrases that stands in the text; empty when none does."""
        text = text.casefold()
        words = _WORD.findall(text)[:_MOST_WORDS]
        for at, word in enumerate(words):
            for phrase in self._by_first.get(word, ()):
                if len(phrase) == 1 or words[at : at + len(phrase)] == phrase:
                    return " ".join(phrase)
        if self._unspaced and UNSPACED.search(text):
            return next((phrase for phrase in self._unspaced if phrase in text), "")
        return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """A label at the start of a text."""

    field: str
    words: str
    rest: str
    """What follows the label and its mark; empty when nothing does."""
    marked: bool
    """Whether a colon or the like stands after it."""
    numbered: bool
    """Whether it says that a number follows: ``no.``, ``code``."""
    surely: bool = False
    """Whether it can announce nothing else, whatever word stands between it and the number."""


class Labels:
    """Labels with the field that each announces."""

    def __init__(
        self, labels: dict[str, list[str]], numbers: Iterable[str], surely: Iterable[str], others: Iterable[str]
    ) -> None:
        self._numbers = set(_words(" ".join(numbers)))
        self._surely, self._others = set(_words(" ".join(surely))), set(_words(" ".join(others)))
        self._fields = {" ".join(self._known(_words(word))): field for field in labels for word in labels[field]}
        self._unspaced = {word: field for word, field in self._fields.items() if UNSPACED.search(word)}

    def _known(self, words: list[str]) -> list[str]:
        """``item number`` and ``item code`` are ``item no``."""
        return [*words[:1], *("no" if word in self._numbers else word for word in words[1:])]

    def read(self, text: str) -> Label | None:
        """The longest label that the text starts with; the name of the shop may stand before it."""
        if (label := self._read(text, 0)) or len(text) > 80 or not _MARKED.search(text):
            return label
        for order, match in enumerate(_WORD.finditer(text)):
            label = self._read(text, match.start()) if order else None
            # a lone "code" is one of a coupon as often
            if label and label.numbered and label.marked and " " in label.words:
                return label
            if order == _MOST_BEFORE or match[0].isdigit() or _fold(match[0]) in self._others:
                return None
        return None

    def _read(self, text: str, start: int) -> Label | None:
        found = field = None
        words: list[str] = []
        for match in _WORD.finditer(text, start, start + 80):
            words.append(_fold(match[0]))
            known = self._fields.get(" ".join(self._known(words)))
            if not known and _SIGN_OF_NUMBER.match(text, match.end()):
                known = self._fields.get(" ".join([*self._known(words), "no"]))
            if known or (field and words[-1] in self._numbers and not any(each[-1].isdigit() for each in words)):
                field, found = known or field, (match.end(), " ".join(words))
            if len(words) == _LONGEST_LABEL:
                break
        if (
            not found
            and words
            and UNSPACED.match(words[0])
            and (begun := next((w for w in self._unspaced if words[0].startswith(w)), ""))
        ):
            field, found = self._unspaced[begun], (text.casefold().index(begun, start) + len(begun), begun)
        if not found or not field:
            return None
        end, label = found
        if aside := _ASIDE.match(text, end):
            end = aside.end()
        mark = _MARK.match(text, end)
        assert mark  # it may be empty
        return Label(
            field=field,
            words=label,
            rest=text[mark.end() :],
            marked=bool(mark["mark"]),
            numbered=bool(set(label.split()) & self._numbers) or len(label.split()) > 1,
            surely=bool(set(label.split()) & self._surely),
        )


def _words(text: str) -> list[str]:
    return [_fold(word) for word in _WORD.findall(text)]


def _fold(word: str) -> str:
    """Without case, and without the accents that many leave out of Latin letters."""
    word = word.casefold()
    if word.isascii() or max(word) > _LAST_OF_LATIN:
        return word
    return "".join(sign for sign in unicodedata.normalize("NFD", word) if not unicodedata.combining(sign))


@dataclass(frozen=True, kw_only=True, slots=True)
class Lexicon:
    """What is in lexicon.toml, ready to be looked up."""

    labels: Labels
    old_price: Phrases
    other_price: Phrases
    announced_price: Phrases
    """Before an amount they say that it is none of the product; after one they say nothing."""
    saved: re.Pattern[str]
    """After an amount it says that this is what is saved: ``$20.00 saving``, ``200 Kč sleva``."""
    after_price: re.Pattern[str]
    """What may follow the price of a product and says nothing against it."""
    in_stock: Phrases
    out_of_stock: Phrases
    buy: Phrases
    add: Phrases
    cart: Phrases
    """With a word of `add` it buys, whatever stands between them."""
    no_buy: Phrases
    notify: Phrases


def _any_of(words: Iterable[str]) -> str:
    return "|".join(map(re.escape, words))


def _read() -> Lexicon:
    words = tomllib.loads((Path(__file__).with_name("lexicon.toml")).read_text("utf-8"))
    saved = _any_of(words["price"]["saved"])
    return Lexicon(
        labels=Labels(words["labels"], words["number"]["words"], words["number"]["surely"], words["number"]["others"]),
        old_price=Phrases(words["price"]["old"]),
        other_price=Phrases(words["price"]["other"]),
        announced_price=Phrases(words["price"]["announced"]),
        saved=re.compile(rf"\W*(?:[^\W\d]{{1,4}}\.?\s)?(?:{saved})\b", re.I),
        after_price=re.compile(rf"\d+ ?% ?off|{saved}|{_any_of(words['price']['after'])}", re.I),
        in_stock=Phrases(words["stock"]["in"]),
        out_of_stock=Phrases(words["stock"]["out"]),
        buy=Phrases(words["control"]["buy"]),
        add=Phrases(words["control"]["add"]),
        cart=Phrases(words["control"]["cart"]),
        no_buy=Phrases(words["control"]["no_buy"]),
        notify=Phrases(words["control"]["notify"]),
    )


LEXICON = _read()
