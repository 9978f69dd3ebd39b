"""A session: its cases, their preparation, the schedule, and the run."""
