//! One event a line, in the Trace Event Format.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::report::decimal::micros;
use crate::units::SimTime;

/// A line of the display: a thread of a process.
#[derive(Clone, Copy)]
pub(super) struct Track {
    pub(super) process: u32,
    pub(super) thread: u32,
}

/// How a flow goes through a slice.
#[derive(Clone, Copy)]
pub(super) enum Flow {
    Begins,
    Passes,
    Ends,
}

/// A trace being written.
pub(super) struct Trace<W> {
    out: W,
    empty: bool,
}

impl<W: Write> Trace<W> {
    pub(super) fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
        Ok(Self { out, empty: true })
    }

    pub(super) fn end(mut self) -> io::Result<()> {
        self.out.write_all(b"\n]}\n")?;
        self.out.flush()
    }

    /// Names a process and gives it its place in the display, after those with smaller numbers.
    pub(super) fn process(&mut self, process: u32, name: &str) -> io::Result<()> {
        let track = Track { process, thread: 0 };
        self.metadata(track, "process_name", json!({"name": name}))?;
        self.metadata(track, "process_sort_index", json!({"sort_index": process}))
    }

    /// The same for a thread within its process.
    pub(super) fn thread(&mut self, track: Track, name: &str) -> io::Result<()> {
        self.metadata(track, "thread_name", json!({"name": name}))?;
        self.metadata(track, "thread_sort_index", json!({"sort_index": track.thread}))
    }

    fn metadata(&mut self, track: Track, name: &str, args: Value) -> io::Result<()> {
        self.line("M", track, "", &[("name", name.into()), ("args", args)])
    }

    /// Something that lasts.
    pub(super) fn slice(
        &mut self,
        track: Track,
        (start, end): (SimTime, SimTime),
        (category, name): (&str, &str),
        args: Value,
    ) -> io::Result<()> {
        let times = format!("\"ts\":{},\"dur\":{},", micros(start - SimTime::ZERO), micros(end - start));
        self.line("X", track, &times, &[("cat", category.into()), ("name", name.into()), ("args", args)])
    }

    /// Something that happens.
    pub(super) fn instant(&mut self, track: Track, at: SimTime, name: &str, args: Value) -> io::Result<()> {
        let fields = [("cat", "event".into()), ("name", name.into()), ("s", "t".into()), ("args", args)];
        self.line("i", track, &stamp(at), &fields)
    }

    /// Values of a process from now on.
    pub(super) fn counter(&mut self, process: u32, at: SimTime, name: &str, values: Value) -> io::Result<()> {
        self.line("C", Track { process, thread: 0 }, &stamp(at), &[("name", name.into()), ("args", values)])
    }

    /// Something that lasts and stands on no thread; what has the same `id` is stacked.
    pub(super) fn asynchronous(
        &mut self,
        process: u32,
        (start, end): (SimTime, SimTime),
        (id, name): (&str, &str),
        args: Value,
        inside: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let track = Track { process, thread: 0 };
        let fields = [("cat", "request".into()), ("id", id.into()), ("name", name.into())];
        let [category, own_id, own_name] = fields.clone();
        self.line("b", track, &stamp(start), &[category, own_id, own_name, ("args", args)])?;
        inside(self)?;
        self.line("e", track, &stamp(end), &fields)
    }

    /// An arrow to or from the slice of `track` that begins at `at`.
    pub(super) fn flow(&mut self, flow: Flow, track: Track, at: SimTime, id: &str) -> io::Result<()> {
        let phase = match flow {
            Flow::Begins => "s",
            Flow::Passes => "t",
            Flow::Ends => "f",
        };
        let fields =
            [("cat", "request".into()), ("id", id.into()), ("name", "request".into()), ("bp", "e".into())];
        self.line(phase, track, &stamp(at), &fields)
    }

    /// `times` are numbers that a float would not keep.
    fn line(&mut self, phase: &str, track: Track, times: &str, fields: &[(&str, Value)]) -> io::Result<()> {
        let separator = if std::mem::replace(&mut self.empty, false) { "\n" } else { ",\n" };
        let fields: Map<String, Value> =
            fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let rest = Value::Object(fields).to_string();
        let Track { process, thread } = track;
        write!(
            self.out,
            "{separator}{{\"ph\":\"{phase}\",\"pid\":{process},\"tid\":{thread},{times}{}",
            &rest[1..]
        )
    }
}

fn stamp(at: SimTime) -> String {
    format!("\"ts\":{},", micros(at - SimTime::ZERO))
}
