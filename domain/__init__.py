"""What everybody talks about: listings, catalogs, matches, signals, assessments, cases, notices. No I/O."""
