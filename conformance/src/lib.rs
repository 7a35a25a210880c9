//! Replays scenarios on our server and on upstream, and says where they differ.
