//! The demo: a good update that goes through and a bad one that is caught, on a real server under a real load.

mod scene;
mod screen;
mod table;
mod timeline;

pub use scene::{Options, run};
