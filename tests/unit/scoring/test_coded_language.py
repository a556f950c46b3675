from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.assessment import Finding
from domain.catalog import Brand, RightsHolder
from domain.match import Matches
from scoring import phrases
from scoring.coded_language import CodedLanguage
from scoring.context import CatalogView
from scoring.examples import offer
from scoring.lexicon import LexiconFile, expand_term, lexicon_version, load_lexicon
from scoring.readings import Unit, read_units
from scoring.words import is_known_word

LANGUAGES = {"en", "zh", "ru", "es", "pt", "tr", "ar", "de", "fr"}


def coded(title: str, *brands: str, description: str = "", seller_id: str = "m-31") -> Finding | None:
    holder = RightsHolder(
        name="Owner", brands=tuple(Brand(name=b) for b in brands), authorized_sellers=("owner-direct",)
    )
    listing = offer(title, description=description, seller_id=seller_id)
    return CodedLanguage().find(listing, Matches(), CatalogView([holder], []))


def terms(finding: Finding | None) -> list[str]:
    assert finding is not None
    spans = finding.evidence["spans"]
    assert isinstance(spans, list)
    return [str(span["text"]) for span in spans if isinstance(span, dict)]


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Mirror-quality tote",
            "hi-copy shoes",
            "7A copy handbag",
            "AAA+ handbag",
            "UA pair size 9",
            "top tier batch",
        ),
        *("PM me for brand pics", "whatsapp for logo", "no logo in pics", "brand is covered", "passes legit check"),
        *("Swiss clone movement watch", "VSF factory watch super rep", "designer dupes", "1 to 1 quality", "r3pl1ca"),
        *("h i g h c o p y", "ｈｉｇｈ ｃｏｐｙ", "hіgh cоpy", "m1rror quality", "re\u200bplica"),
        *(
            "超A级手袋",
            "莆田纯原",
            "私信看实物",
            "качество люкс",
            "лого в лс",
            "супер копия",
            "calidad 1:1",
            "logo por dm",
        ),
        *("qualidade espelho", "marca no pv", "A+ kalite", "logo için mesaj", "درجة اولى كوبي", "الشعار على الخاص"),
    ],
)
def test_slang_is_found(title: str) -> None:
    finding = coded(title)
    assert finding is not None
    assert finding.strength >= 0.4


@pytest.mark.parametrize(
    "title",
    [
        *(
            "Not replica",
            "isn’t a fake or a replica",
            "We never sell any cheap copies, replicas or fakes",
            "replica-free",
        ),
        *(
            "beware of replicas",
            "no high copy",
            "非高仿",
            "不是精仿",
            "никаких реплик",
            "sin réplicas",
            "nao é réplica",
        ),
        *("kesinlikle replika değildir", "çakma ürün satmıyoruz", "keine Replika", "pas une contrefaçon", "مش تقليد"),
        *(
            "AAA batteries",
            "LED light 3x AAA included",
            "1:1 mixing ratio epoxy",
            "16:9 screen",
            "AAA grade pearl beads",
        ),
        *("bathroom mirror quality glass", "best batch cookies", "usb cable copy paper", "original quality control"),
        *(
            "logo on request: your company printing",
            "dm for custom logo printing",
            "翡翠A货",
            "clone trooper",
            "fake fur",
        ),
        *("5* hotel towel", "3*2m rug", "**NEW** tote", "N*S*E*W compass", "mirror", "factory tour", "Size M*L"),
        *(
            "WARNING: many AAA replicas and superfakes are sold here.",
            "Stay away from superfake and 1:1 clones sold elsewhere",
            "How to spot a fake Velmora super clone - book",
            "replica-proof hologram, anti-replica tag",
            "Beware of fakes, superfakes, replicas and 1:1 copies",
            "Don't buy a super clone from strangers",
            "Authentic vs replica: a guide",
            "Unlike the cheap replicas sold elsewhere",
            "superfake detector pen",
        ),
        *("Cuidado con las réplicas", "a diferencia de una réplica", "cómo detectar una falsificación"),
        *("cuidado com as réplicas", "ao contrário das réplicas", "como identificar uma réplica"),
        *("Attention aux contrefaçons", "méfiez-vous de la contrefaçon", "comment reconnaître une contrefaçon"),
        *("Vorsicht vor Fälschung", "Wie man eine Fälschung erkennt", "im Gegensatz zu einer Replika"),
        *("в отличие от реплики", "как отличить оригинал от реплики", "осторожно, много реплик и копий"),
        *(
            "replikaya kanmayın",
            "replika nasıl anlaşılır",
            "警惕高仿",
            "高仿识别",
            "احذر من التقليد",
            "على عكس هاي كوبي",
        ),
    ],
)
def test_denials_and_innocent_meanings_are_silent(title: str) -> None:
    assert coded(title, "Luma", "Velmora") is None


@pytest.mark.parametrize(
    "title",
    [
        *("Is it real? No, replica", "No box. Replica", "not used, mirror quality", "no box replica"),
        *(
            "Warning: this is a replica",
            "Unlike other shops, ours is a superfake",
            "Avoid disappointment, best superfake",
        ),
        *("VS factory super clone", "Spot on superfake", "Warning. Superfake", "Vorsicht vor Kratzern. Replika"),
    ],
)
def test_a_denial_of_something_else_denies_nothing(title: str) -> None:
    assert coded(title) is not None


def test_terms_add_up_and_a_repeated_term_does_not() -> None:
    once, twice = coded("factory direct"), coded("factory direct factory direct")
    more = coded("factory direct, same factory")
    assert once is not None
    assert twice is not None
    assert more is not None
    assert once.strength == twice.strength < more.strength


@given(
    st.text(alphabet=string.ascii_lowercase, min_size=4, max_size=12).map(str.capitalize),
    st.sampled_from("*#_●★🌸"),
    st.data(),
)
@settings(deadline=None)
def test_a_mark_with_an_inner_letter_starred_out_is_found(mark: str, star: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(min_value=1, max_value=len(mark) - 2))
    title = f"new {mark[:at]}{star}{mark[at + 1 :]}, blue"
    assert terms(coded(title, mark)) == [f"{mark[:at]}{star}{mark[at + 1 :]}"]


@given(st.text(alphabet=string.ascii_lowercase, min_size=7, max_size=12).map(str.capitalize), st.data())
@settings(deadline=None)
def test_a_long_mark_with_an_inner_letter_left_out_is_found_weakly(mark: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(min_value=1, max_value=len(mark) - 2))
    assume(mark[at] != mark[at - 1].lower())
    form = mark[:at] + mark[at + 1 :]
    assume(not is_known_word(form) and not is_known_word(mark))
    finding = coded(f"new {form} blue", mark)
    assert form in terms(finding)
    assert finding is not None
    assert finding.strength < 0.5


@given(
    st.lists(st.sampled_from(["blue", "tote", "size", "M", "new", "with", "zip", "cotton", "50%", "2x"]), min_size=1)
)
@settings(deadline=None)
def test_plain_text_breaks_no_mark(words: list[str]) -> None:
    assert coded(" ".join(words), "Tropicana", "Luma", "Cottons", "Sizes") is None


@pytest.mark.parametrize("form", ["L***", "**", "L*", "Tote*", "L*mar", "*uma", "Luma*", "Luma"])
def test_too_little_of_a_mark_is_no_mark(form: str) -> None:
    assert coded(f"new {form} blue", "Luma", "Totes") is None


def test_a_broken_word_of_a_mark_of_several_words_needs_the_others() -> None:
    assert coded("L*uis Vuitton bag", "Louis Vuitton") is not None
    assert coded("Lou*s Vuitton bag", "Louis Vuitton") is not None
    assert coded("Lou*s bag", "Louis Vuitton") is None


def test_an_authorized_seller_may_break_its_own_mark() -> None:
    assert coded("L*ma tote", "Luma", seller_id="owner-direct") is None


def test_a_lexicons_words_are_read_once_however_often_a_term_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str) -> tuple[Unit, ...]:
        read.append(text)
        return read_units(text)

    monkeypatch.setattr(phrases, "read_units", counted)
    hostile = "AAA 1:1 replica " * 100
    coded("tote", description=hostile)
    read.clear()
    coded("tote", description=hostile)
    assert read == ["tote", hostile]


def test_lexicons_load_in_every_language_and_have_a_version() -> None:
    found = load_lexicon("coded_language").terms
    assert {term.language for term in found} == LANGUAGES
    assert min(sum(1 for t in {t.entry.term for t in found if t.language == x}) for x in LANGUAGES - {"de", "fr"}) > 20
    assert len(lexicon_version()) == 12


def test_a_misspelled_key_in_a_lexicon_is_refused() -> None:
    with pytest.raises(ValidationError, match="wieght"):
        LexiconFile.model_validate(
            {"version": "1", "language": "en", "entries": [{"term": "ab", "wieght": 1, "note": "n"}]}
        )


def test_choices_are_expanded() -> None:
    assert expand_term("(dm|pm) (|me) for") == ["dm for", "dm me for", "pm for", "pm me for"]
    assert expand_term("plain") == ["plain"]
