"""What `engine doctor` looks at: small checks, each of which says what it found and the line that mends it."""
