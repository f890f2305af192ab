"""Error bounds, and the remedies (removal, margin, temperature) as edits of a graph."""
