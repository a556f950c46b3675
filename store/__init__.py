"""Records and evidence: what outlives a process."""
