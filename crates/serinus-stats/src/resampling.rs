//! Permutation tests and the bootstrap, with a pinned generator.
