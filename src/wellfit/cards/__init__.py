"""The cards of all methods: what a docstring says of a regularizer, an optimizer, a loss, ..., found without torch.

A card is the docstring of the class that holds the method's parameters (``card.py`` says how it is written). ``wellfit
explain NAME`` prints it, ``docs/methods`` is made of it.
"""

from wellfit.cards.card import GROUPS, HEADINGS, Card, parse_card
from wellfit.cards.find import all_cards, find_cards
from wellfit.cards.markdown import as_markdown, index_markdown

__all__ = ["GROUPS", "HEADINGS", "Card", "all_cards", "as_markdown", "find_cards", "index_markdown", "parse_card"]
