"""Evidence at capture: what a server answered, kept so that a court can follow it. See docs/evidence.md."""
