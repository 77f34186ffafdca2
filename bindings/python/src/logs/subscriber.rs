//! What becomes of events.

use std::fmt::{self, Write};
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

use super::desk::desk;

/// Leaves the library's events on the desk. Spans are of no use to `logging`.
pub(super) struct Logs;

/// An event on its way to Python.
pub(super) struct Told {
    pub(super) target: &'static str,
    pub(super) level: u8,
    message: String,
    fields: Vec<(&'static str, Value)>,
    /// Seconds since 1970.
    created: f64,
    thread: String,
    module: &'static str,
    line: u32,
}

enum Value {
    Text(String),
    Whole(i64),
    Natural(u64),
    Number(f64),
    Flag(bool),
}

/// The level in the terms of `logging`.
fn level(metadata: &Metadata<'_>) -> u8 {
    match *metadata.level() {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

impl Subscriber for Logs {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() && metadata.target().starts_with("serinus") {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event()
            && metadata.target().starts_with("serinus")
            && desk().wants(metadata.target(), level(metadata))
    }

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut told = Told {
            target: metadata.target(),
            level: level(metadata),
            message: String::new(),
            fields: Vec::new(),
            created: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64(),
            thread: thread::current().name().unwrap_or("serinus").to_owned(),
            module: metadata.module_path().unwrap_or_default(),
            line: metadata.line().unwrap_or_default(),
        };
        event.record(&mut told);
        desk().leave(told);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            // A string takes everything.
            let _ = write!(self.message, "{value:?}");
        } else {
            self.fields.push((field.name(), Value::Text(format!("{value:?}"))));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.fields.push((field.name(), Value::Text(value.to_owned())));
        }
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.push((field.name(), Value::Number(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.push((field.name(), Value::Whole(value)));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.push((field.name(), Value::Natural(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.push((field.name(), Value::Flag(value)));
    }
}

impl Told {
    /// Hands it to `logging`, which says from which level on it takes events of this kind.
    pub(super) fn deliver(self, py: Python<'_>) -> PyResult<u8> {
        let fields = PyDict::new(py);
        for (name, value) in self.fields {
            match value {
                Value::Text(text) => fields.set_item(name, text)?,
                Value::Whole(number) => fields.set_item(name, number)?,
                Value::Natural(number) => fields.set_item(name, number)?,
                Value::Number(number) => fields.set_item(name, number)?,
                Value::Flag(flag) => fields.set_item(name, flag)?,
            }
        }
        let deliver = py.import("serinus._logging")?.getattr("deliver")?;
        let from = (self.created, self.thread, self.module, self.line);
        deliver.call1((self.target, self.level, self.message, fields, from))?.extract()
    }
}
