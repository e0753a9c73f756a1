//! A span's fields for JSON lines, written down as one object and added to where it ends.
//!
//! tracing-subscriber's own reads the object back and sorts it whenever a field is added, as the status is to each call's span:
//! that cost a wave of thousands of calls to suppliers more than the spans themselves. A field that is recorded twice stands
//! in the object twice; whoever writes a line reads the object then, and takes the last.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormattedFields;
use tracing_subscriber::fmt::format::{FormatFields, Writer};

/// Writes spans' fields.
pub(crate) struct SpanFields;

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut out: Writer<'writer>, fields: R) -> fmt::Result {
        out.write_char('{')?;
        let mut members = Members { out: &mut out, is_first: true, written: Ok(()) };
        fields.record(&mut members);
        members.written?;
        out.write_char('}')
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        if current.fields.pop() != Some('}') {
            return Err(fmt::Error);
        }
        let is_first = current.fields.len() == 1;
        let mut members = Members { out: &mut current.fields, is_first, written: Ok(()) };
        fields.record(&mut members);
        members.written?;
        current.fields.write_char('}')
    }
}

/// Members of an object that is being written.
struct Members<'a, W> {
    out: &'a mut W,
    is_first: bool,
    written: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        if self.written.is_ok() {
            let name = field.name();
            self.written = self.write(name.strip_prefix("r#").unwrap_or(name), value);
        }
    }

    fn write(&mut self, name: &str, value: impl FnOnce(&mut W) -> fmt::Result) -> fmt::Result {
        self.out.write_str(if self.is_first { "\"" } else { ",\"" })?;
        self.is_first = false;
        self.out.write_str(name)?;
        self.out.write_str("\":")?;
        value(self.out)
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no word for what is not finite.
        self.member(field, |out| if value.is_finite() { write!(out, "{value:?}") } else { out.write_str("null") });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| text(out, |inside| inside.write_str(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.member(field, |out| text(out, |inside| write!(inside, "{value:?}")));
    }
}

fn text<W: Write>(out: &mut W, write: impl FnOnce(&mut Inside<'_, W>) -> fmt::Result) -> fmt::Result {
    out.write_char('"')?;
    write(&mut Inside(out))?;
    out.write_char('"')
}

/// The inside of a JSON text.
struct Inside<'a, W>(&'a mut W);

impl<W: Write> Write for Inside<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in text.bytes().enumerate() {
            if byte >= b' ' && byte != b'"' && byte != b'\\' {
                continue;
            }
            // A byte of one of those stands for itself in UTF-8, never for a part of another character.
            self.0.write_str(&text[plain..at])?;
            match byte {
                b'"' | b'\\' => write!(self.0, "\\{}", char::from(byte))?,
                control => write!(self.0, "\\u{control:04x}")?,
            }
            plain = at + 1;
        }
        self.0.write_str(&text[plain..])
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Lines {
        /// What a layer writes to them, of a span to which fields are added, twice to one of them.
        fn written(
            self,
            layer: impl tracing_subscriber::Layer<tracing_subscriber::Registry> + Send + Sync + 'static,
        ) -> String {
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                let empty = tracing::info_span!("empty", later = tracing::field::Empty);
                empty.in_scope(|| tracing::info!("nothing yet"));
                empty.record("later", 2.0);
                empty.in_scope(|| tracing::info!("one"));
                let span = tracing::info_span!(
                    "call",
                    text = "a \"quoted\" \\ line\n\u{1}of Llanrhaeadr-ym-Mochnant: ŵ",
                    shown = ?Some("\t"),
                    r#type = %'x',
                    count = 7_u64,
                    below = -7_i64,
                    share = 0.25,
                    none = f64::NAN,
                    right = true,
                    status = tracing::field::Empty,
                );
                span.record("status", "OK");
                span.record("status", "UNAVAILABLE");
                span.in_scope(|| tracing::info!("done"));
            });
            let bytes = self.0.lock().unwrap().clone();
            String::from_utf8(bytes).unwrap()
        }
    }

    #[test]
    fn a_line_says_of_its_span_what_the_librarys_own_would_say() {
        let (ours, theirs) = (Lines::default(), Lines::default());
        let json = || fmt::format().json().flatten_event(true).with_span_list(false).without_time();
        let writer = ours.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).fmt_fields(SpanFields).event_format(json());
        let ours = ours.written(layer);
        let writer = theirs.clone();
        let layer = fmt::layer().with_writer(move || writer.clone()).json().event_format(json());
        assert_eq!(ours, theirs.written(layer));
        assert!(ours.contains("UNAVAILABLE") && ours.contains("Llanrhaeadr"), "{ours}");
    }
}
