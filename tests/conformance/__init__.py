"""Networks of others in every form of Core ML, run by the portable runtime: `make conformance`."""
