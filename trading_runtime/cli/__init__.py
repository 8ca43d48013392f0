"""The commands of tapedeck and the supervisor of its processes."""
