//! What `-v`, `-q` and `DRIFT_LOG` show: the events and spans of all rooms, as lines of standard error.
//!
//! A span is one stage, request or child program. It becomes a line when it ends, with how long it took. Nothing is
//! measured or formatted where nobody asked: then there is no subscriber.

use std::fmt::Debug;
use std::time::Instant;

use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

use super::arguments::LogArgs;
use super::environment::text;
use super::error::CommandError;
use super::message::{self, LogEntry, Severity};

/// The variable that says what is logged where no flag does.
const VARIABLE: &str = "DRIFT_LOG";
/// Longest value of a field, in characters.
const VALUE_LIMIT: usize = 1_000;

/// Sets up messages and logs for this process.
///
/// # Errors
/// If `DRIFT_LOG` is not understood.
pub(super) fn start(arguments: &LogArgs) -> Result<(), CommandError> {
    message::configure(arguments.log_format, arguments.quiet);
    let filter = match arguments.verbose {
        _ if arguments.quiet => None,
        0 => text(VARIABLE).as_deref().map(parse_filter).transpose()?,
        1 => Some(ours(LevelFilter::INFO)),
        _ => Some(ours(LevelFilter::DEBUG)),
    };
    if let Some(filter) = filter {
        let subscriber = tracing_subscriber::registry().with(filter).with(LogLayer);
        // Only `main` gets here, once.
        let _set_before = tracing::subscriber::set_global_default(subscriber);
    }
    Ok(())
}

/// What drift itself says. Its libraries are never asked: what they log is not ours to promise, headers among it.
fn ours(level: LevelFilter) -> Targets {
    Targets::new().with_target(env!("CARGO_PKG_NAME"), level)
}

/// `info`, `drift::cluster=debug`, or several with commas, as `RUST_LOG` has them.
fn parse_filter(text: &str) -> Result<Targets, CommandError> {
    let refuse = |why: String| {
        CommandError::Usage(format!(
            "{VARIABLE}={text:?}: {why}; write a level (error, warn, info, debug, off) or drift::MODULE=LEVEL"
        ))
    };
    let parsed: Targets = text.parse().map_err(|error| refuse(format!("{error}")))?;
    let is_ours = |target: &str| target == "drift" || target.starts_with("drift::");
    if let Some((target, _)) = parsed.iter().find(|(target, _)| !is_ours(target)) {
        return Err(refuse(format!("{target:?} is no level and no part of drift")));
    }
    let all = parsed.default_level().map_or_else(Targets::new, ours);
    Ok(all.with_targets(parsed.iter().map(|(target, level)| (target.to_owned(), level))))
}

struct LogLayer;

/// A span that has not ended.
struct OpenSpan {
    since: Instant,
    fields: FieldValues,
}

#[derive(Default)]
struct FieldValues {
    message: String,
    named: Vec<(&'static str, Value)>,
}

impl FieldValues {
    fn set(&mut self, field: &Field, value: Value) {
        match self.named.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, old)) => *old = value,
            None => self.named.push((field.name(), value)),
        }
    }

    fn set_text(&mut self, field: &Field, text: &str) {
        if field.name() == "message" {
            text.clone_into(&mut self.message);
        } else {
            self.set(field, text.chars().take(VALUE_LIMIT).collect::<String>().into());
        }
    }
}

impl Visit for FieldValues {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set_text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set_text(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = FieldValues::default();
        attributes.record(&mut fields);
        span.extensions_mut().insert(OpenSpan { since: Instant::now(), fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<OpenSpan>() {
            values.record(&mut open.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = FieldValues::default();
        event.record(&mut fields);
        write(event.metadata(), &fields.message, &fields.named);
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(OpenSpan { since, mut fields }) = span.extensions_mut().remove::<OpenSpan>() else { return };
        let elapsed = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        fields.named.push(("elapsed_ms", elapsed.into()));
        write(span.metadata(), span.name(), &fields.named);
    }
}

fn write(metadata: &Metadata<'_>, message: &str, fields: &[(&'static str, Value)]) {
    let severity = match *metadata.level() {
        Level::ERROR => Severity::Error,
        Level::WARN => Severity::Warning,
        Level::INFO => Severity::Info,
        _ => Severity::Debug,
    };
    LogEntry { severity, target: Some(metadata.target()), message, fields }.write();
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::parse_filter;

    #[test]
    fn variable_chooses_levels_of_drift_alone() {
        let cases = [
            ("info", "drift::check", Level::INFO, true),
            ("info", "drift::check", Level::DEBUG, false),
            ("debug", "drift::cluster::request", Level::DEBUG, true),
            ("debug", "hyper_util::client", Level::ERROR, false),
            ("drift::cluster=debug", "drift::cluster::request", Level::DEBUG, true),
            ("drift::cluster=debug", "drift::check", Level::ERROR, false),
            ("info,drift::forge=debug", "drift::forge::http", Level::DEBUG, true),
            ("info,drift::forge=debug", "drift::check", Level::INFO, true),
            ("off", "drift::check", Level::ERROR, false),
        ];
        for (text, target, level, expected) in cases {
            let filter = parse_filter(text).expect("a filter");
            assert_eq!(filter.would_enable(target, &level), expected, "{text}: {target} {level}");
        }
    }

    #[test]
    fn what_is_no_directive_is_refused() {
        for text in ["debgu", "hyper=trace", "drift=loud", "drift::check=info,kube", "driftwood=info"] {
            let error = parse_filter(text).expect_err(text).to_string();
            assert!(error.contains("DRIFT_LOG="), "{error}");
        }
    }
}
