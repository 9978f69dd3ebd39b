"""Records and what follows from them: reading, statistics, summaries, comparisons, tables."""
