"""One machine: the warm parent, the hubs forked from it, the other programs, their restarts, and what `portico status` tells."""
