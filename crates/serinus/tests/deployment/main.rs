//! The driver on a real splitter and threads, with a host that fails in every way: the old version serves through all of
//! it.

mod canary;
mod disk;
mod driver;
mod host;
mod person;
mod service;
