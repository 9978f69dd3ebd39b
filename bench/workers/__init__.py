"""Workers: one fresh process per launch, a job in, one line out."""
