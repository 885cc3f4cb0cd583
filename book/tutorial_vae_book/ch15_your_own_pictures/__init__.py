"""Chapter 15: its exercises, experiments and explorers."""
