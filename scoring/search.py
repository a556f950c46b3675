"""Finds many phrases in a text at once, plain or disguised, by walking a trie over the characters' readings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from anyascii import anyascii

from scoring.readings import Character, Disguise, Kind, Unit, read_units

_MAX_STATES_OF_START = 1000
_MAX_STATES_OF_TEXT = 50_000
"""Most steps tried; honest text needs a few per character, and hostile text cannot make the search long."""
_MAX_REPEATS = 2
_MAX_GAP = 3
_MAX_HIDDEN = 8
_OUTER_PUNCTUATION = re.compile(r"^[\W_]+|[\W_]+$")
_CLAUSE_ENDS = ",;!?|"


@dataclass(frozen=True, slots=True)
class Hit:
    """A phrase found in units[first:last]."""

    phrase: int
    """Its position in the sequence the trie was built from."""
    first: int
    last: int
    disguise: Disguise
    splits: int
    """Letters of the phrase that are set apart by separators that the phrase does not have."""
    leet: int
    """Letters written as digits or symbols."""


@dataclass(slots=True)
class _Node:
    next: dict[str, _Node] = field(default_factory=dict)
    gap: _Node | None = None
    ends: list[tuple[int, Disguise]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _State:
    node: _Node
    at: int
    disguise: Disguise
    splits: int
    leet: int
    last_symbol: str


class PhraseTrie:
    """Phrases as symbols; spaces and hyphens (for marks: all punctuation) match any short run of separators.

    Finds a phrase only from word boundary to word boundary, so `Arla` is not in *charlatan*.
    """

    def __init__(self, phrases: Sequence[str], *, punctuation_is_gap: bool, tolerant: bool) -> None:
        """`tolerant` also admits letters doubled, one of a double dropped, and inserted separators."""
        self._root = _Node()
        self._tolerant = tolerant
        self._punctuation_is_gap = punctuation_is_gap
        for number, phrase in enumerate(phrases):
            for written, disguise in _variants(phrase, tolerant=tolerant):
                self._add(written, number, disguise)

    def _add(self, phrase: str, number: int, disguise: Disguise) -> None:
        node = self._root
        if self._punctuation_is_gap:
            phrase = _OUTER_PUNCTUATION.sub("", phrase)
        for unit in read_units(phrase):
            kind = unit.character.kind
            if kind is Kind.HIDDEN:
                continue
            if kind is not Kind.LETTER and (self._punctuation_is_gap or unit.surface in " -\t"):
                node.gap = node.gap or _Node()
                node = node.gap if node is not self._root else node
                continue
            for symbol in unit.character.readings[0][0]:
                node = node.next.setdefault(symbol, _Node())
        if node is not self._root:
            node.ends.append((number, disguise))

    def find(self, units: Sequence[Unit]) -> list[Hit]:
        """The best hit of each phrase at each place, in the order of the text."""
        best: dict[tuple[int, int], Hit] = {}
        budget = [_MAX_STATES_OF_TEXT]
        for first in range(len(units)):
            if budget[0] <= 0:
                break
            if units[first].character.kind in (Kind.HIDDEN, Kind.LINE_END) or not _boundary(units, first):
                continue
            for hit in self._walk(units, first, budget):
                known = best.get((hit.phrase, hit.first))
                if known is None or _cost(hit) < _cost(known):
                    best[hit.phrase, hit.first] = hit
        return sorted(best.values(), key=lambda hit: (hit.first, hit.last, hit.phrase))

    def _walk(self, units: Sequence[Unit], first: int, budget: list[int]) -> Iterator[Hit]:
        stack = [_State(self._root, first, Disguise.PLAIN, 0, 0, "")]
        seen: set[tuple[int, int, Disguise, str]] = set()
        while stack and len(seen) < _MAX_STATES_OF_START:
            state = stack.pop()
            place = (id(state.node), state.at, state.disguise, state.last_symbol)
            if place in seen:
                continue
            seen.add(place)
            budget[0] -= 1
            if state.node.ends and state.last_symbol and _may_end(units, state.at):
                for number, how in state.node.ends:
                    disguise = _settle(units[first : state.at], state.disguise) | how
                    yield Hit(number, first, state.at, disguise, state.splits, state.leet)
            if state.at < len(units):
                stack.extend(self._steps(units, state))

    def _steps(self, units: Sequence[Unit], state: _State) -> Iterator[_State]:
        yield from self._separators(units, state)
        unit = units[state.at]
        if unit.character.kind is Kind.HIDDEN:
            if state.last_symbol:
                hidden = state.disguise | unit.character.hides
                yield _State(state.node, state.at + 1, hidden, state.splits, state.leet, state.last_symbol)
            return
        for symbols, disguise, width in _options(units, state.at):
            leet = state.leet + (disguise is Disguise.LEET)
            node: _Node | None = state.node
            for symbol in symbols:
                node = node.next.get(symbol) if node else None
            if node is not None:
                yield _State(node, state.at + width, state.disguise | disguise, state.splits, leet, symbols[-1])
            if (
                self._tolerant
                and symbols == state.last_symbol
                and symbols.isalpha()
                and not _drawn_out(units, state.at)
            ):
                doubled = state.disguise | disguise | Disguise.DOUBLED
                yield _State(state.node, state.at + width, doubled, state.splits, leet, symbols)

    def _separators(self, units: Sequence[Unit], state: _State) -> Iterator[_State]:
        run = 0
        for unit in units[state.at : state.at + _MAX_GAP]:
            if unit.character.kind is not Kind.SEPARATOR or unit.surface in _CLAUSE_ENDS:
                break
            run += 1
        if state.node.gap is not None:
            for skipped in range(run + 1):
                yield _State(
                    state.node.gap, state.at + skipped, state.disguise, state.splits, state.leet, state.last_symbol
                )
        if self._tolerant and run and state.node is not self._root and state.node.next:
            split = state.disguise | Disguise.SPLIT
            yield _State(state.node, state.at + run, split, state.splits + 1, state.leet, "")


_PAIRS = {"rn": "m", "vv": "w", "VV": "w", "cl": "d"}
"""Two letters that together look like one."""


def _options(units: Sequence[Unit], at: int) -> Iterator[tuple[str, Disguise, int]]:
    """(what is read, how, from how many units)."""
    yield from ((text, how, 1) for text, how in units[at].character.readings)
    imitated = _PAIRS.get(units[at].surface + units[at + 1].surface) if at + 1 < len(units) else None
    if imitated:
        yield imitated, Disguise.HOMOGLYPH, 2


def _drawn_out(units: Sequence[Unit], at: int) -> bool:
    """Whether the letter stands more than `_MAX_REPEATS` times before: *yesssss* is no mark."""
    run = units[max(0, at - _MAX_REPEATS - 1) : at + 1]
    return len(run) > _MAX_REPEATS + 1 and len({unit.surface.casefold() for unit in run}) == 1


def _variants(phrase: str, *, tolerant: bool) -> Iterator[tuple[str, Disguise]]:
    """The phrase as given, without its accents, in Latin letters, and with a double letter made single."""
    yield phrase, Disguise.PLAIN
    folded = "".join(unit.character.readings[0][0] if unit.character.readings else " " for unit in read_units(phrase))
    bare = "".join(_without_accent(unit) for unit in read_units(phrase))
    if bare != folded:
        yield bare, Disguise.PLAIN
    spaced = all(unit.character.spaced_script for unit in read_units(phrase))
    latin = anyascii(phrase).casefold()
    if spaced and latin not in (folded, bare) and latin.replace(" ", "").isalnum():
        yield latin, Disguise.TRANSLITERATED
    if not tolerant or len(bare) < 5:
        return
    for i in range(1, len(bare)):
        if bare[i] == bare[i - 1] and bare[i].isalpha():
            yield bare[:i] + bare[i + 1 :], Disguise.UNDOUBLED


def _without_accent(unit: Unit) -> str:
    readings = unit.character.readings
    accented = next((text for text, how in readings if how is Disguise.ACCENT), "")
    return accented or (readings[0][0] if readings else " ")


def _boundary(units: Sequence[Unit], at: int) -> bool:
    """Whether a word may start or end between units[at - 1] and units[at]."""
    before, after = _visible(units, at - 1, -1), _visible(units, at, 1)
    if before is None or after is None or before.kind is not Kind.LETTER or after.kind is not Kind.LETTER:
        return True
    return not (before.spaced_script and after.spaced_script)


def _may_end(units: Sequence[Unit], at: int) -> bool:
    cut = at < len(units) and units[at].character.attached
    return not cut and _boundary(units, at)


def _visible(units: Sequence[Unit], at: int, step: int) -> Character | None:
    """The first character that shows, from `at` on; None at the end of the text or after too many hidden ones."""
    for _ in range(_MAX_HIDDEN):
        if not 0 <= at < len(units):
            return None
        if units[at].character.kind is not Kind.HIDDEN:
            return units[at].character
        at += step
    return None


_FOREIGN = Disguise.TRANSLITERATED | Disguise.WIDE


def _settle(units: Sequence[Unit], disguise: Disguise) -> Disguise:
    """Foreign letters inside a Latin word imitate; a word wholly in another script or width only transliterates."""
    if disguise & _FOREIGN and any(unit.character.ascii_letter for unit in units):
        return (disguise & ~_FOREIGN) | Disguise.HOMOGLYPH
    return disguise


def _cost(hit: Hit) -> tuple[int, int, int]:
    return (int(hit.disguise), hit.splits, hit.last - hit.first)
