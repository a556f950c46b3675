"""Where to look: queries, what was found before, a seller's other items, what is new, what came back. No I/O."""
