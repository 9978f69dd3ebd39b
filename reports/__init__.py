"""Turn records into tables, plots and decisions."""
