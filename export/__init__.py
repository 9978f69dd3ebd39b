"""Export MobileNets to Core ML and prove that the package is right."""
