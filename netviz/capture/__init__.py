"""Where packets come from: files, pipes, live interfaces, each an iterable of Batches."""
