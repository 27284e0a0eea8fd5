"""Other voice frameworks as peers in the conversation bench: the same track, stages and loudspeaker, their own turns
and orchestration. README.md says what is the same and what differs."""
