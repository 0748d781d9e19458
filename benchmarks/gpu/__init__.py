"""What one GPU does in a few minutes: a list of parts, each in a process and a time of its own."""
