//! Checks of the tree itself; the checks are in `tests/`.
