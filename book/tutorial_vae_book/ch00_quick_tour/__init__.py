"""Chapter 00: its exercises, experiments and explorers."""
