"""Apple's `coreai` library, optional: what it is asked, and the process of its own it runs in."""
