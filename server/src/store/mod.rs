//! The data: values and their encodings. Knows nothing of clients or sockets.

pub mod types;
