"""Pages that people look at: facts from tables, cards and pages from facts."""
