//! The numbers behind Serinus: tests that stay honest under continuous looking.
