"""Which findings carry a notice, however probable infringement is: the worst bug is a wrongful notice."""

from __future__ import annotations

from collections.abc import Iterable

from domain.assessment import Finding, GuardName, SignalName
from scoring.altered_logo import altered_on_the_goods

SUPPORT = 0.5
"""Strength, 0 to 1, from which a signal carries a notice: a copied photo, a disguised mark, a far too low price or a
seller name that passes for another's; a plain mention of a mark stays below."""
_SECOND_HAND = 0.5
"""From here on the words say more likely than not that a person sells a used thing of their own."""
_BY_THEMSELVES = frozenset((SignalName.COPIED_PHOTO, SignalName.BRAND_CLAIM, SignalName.CONFUSING_SELLER_NAME))


def carries_notice(signals: Iterable[Finding], guards: Iterable[Finding] = ()) -> bool:
    """Whether something has been found that honest sellers do not show.

    Words (`coded_language`) are quoted, denied and warned of, and genuine goods in honest photographs bear their mark
    (`logo_misuse`): alone or together both are for a person to read. An altered mark carries a notice when its
    letters are others, or beside such words; not in a person's own photographs of a used thing, where a
    low price is no sign either. More signals never carry less.
    """
    strong = {signal.name: signal for signal in signals if signal.strength >= SUPPORT}
    if strong.keys() & _BY_THEMSELVES:
        return True
    words = SignalName.CODED_LANGUAGE in strong
    if _is_resale(guards):
        return words and SignalName.SUSPICIOUS_PRICE in strong
    altered = strong.get(SignalName.ALTERED_LOGO)
    return SignalName.SUSPICIOUS_PRICE in strong or (altered is not None and (words or altered_on_the_goods(altered)))


def _is_resale(guards: Iterable[Finding]) -> bool:
    """Own photographs of what is offered as second hand."""
    own = next((guard for guard in guards if guard.name == GuardName.OWN_PHOTO), None)
    second_hand = own.evidence.get("second_hand", 0.0) if own else 0.0
    return isinstance(second_hand, int | float) and second_hand >= _SECOND_HAND
