"""From a page as captured to the offer it makes: structured data first, for that is what shops write for machines."""
