"""What every benchmark works with: a raw client, turns and medians, the machine, pinned peers, the page."""
