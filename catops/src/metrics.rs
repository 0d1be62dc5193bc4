//! What the process counts, in Prometheus' text format. Counters start at zero with the process; the log's own figures
//! are read when somebody asks.

use log::{Backlog, Consumed, Stats};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Mutex;
use std::time::Duration;

/// Upper bounds of the latency buckets, in milliseconds: from one sync of a good disk to Slack's three seconds.
const BUCKETS_MS: [u64; 10] = [1, 2, 5, 10, 25, 50, 100, 500, 1000, 3000];

/// Counters by name and label, and histograms by name.
#[derive(Default)]
pub struct Metrics {
    counters: Mutex<BTreeMap<(&'static str, String), u64>>,
    histograms: Mutex<BTreeMap<&'static str, Histogram>>,
}

#[derive(Default, Clone, Copy)]
struct Histogram {
    buckets: [u64; BUCKETS_MS.len()],
    count: u64,
    sum_us: u64,
}

impl Metrics {
    /// Counts one; `label` is `key="value"` text of our own, never of a sender's.
    pub fn count(&self, name: &'static str, label: &str) {
        let mut counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match counters.get_mut(&(name, label.to_owned())) {
            Some(value) => *value += 1,
            None => {
                counters.insert((name, label.to_owned()), 1);
            }
        }
    }

    /// Notes how long something took.
    pub fn observe(&self, name: &'static str, took: Duration) {
        let mut histograms = self.histograms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let histogram = histograms.entry(name).or_default();
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        histogram.count += 1;
        histogram.sum_us = histogram.sum_us.saturating_add(us);
        for (bucket, bound) in histogram.buckets.iter_mut().zip(BUCKETS_MS) {
            *bucket += u64::from(us <= bound * 1000);
        }
    }

    /// Everything, with the figures of what waits.
    #[must_use]
    pub fn render(&self, backlog: &Backlog, overdue_seconds: i64) -> String {
        let mut text = String::new();
        let counters = self.counters.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut last = "";
        for ((name, label), value) in counters.iter() {
            if *name != last {
                line(&mut text, format_args!("# TYPE catops_{name}_total counter"));
                last = name;
            }
            let braces = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
            line(&mut text, format_args!("catops_{name}_total{braces} {value}"));
        }
        let histograms = self.histograms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for (name, histogram) in histograms.iter() {
            histogram.render(name, &mut text);
        }
        gauge(&mut text, "effects_pending", backlog.pending);
        gauge(&mut text, "effects_leased", backlog.leased);
        gauge(&mut text, "effects_overdue_seconds", u64::try_from(overdue_seconds).unwrap_or(0));
        text
    }
}

/// How large the log is: for a store that knows it without reading all of it.
#[must_use]
pub fn size(stats: &Stats) -> String {
    let mut text = String::new();
    gauge(&mut text, "log_events", stats.events);
    gauge(&mut text, "log_streams", stats.streams);
    text
}

/// What a remote store has charged this process.
#[must_use]
pub fn charged(consumed: Consumed) -> String {
    let mut text = "# TYPE catops_log_units_total counter\n".to_owned();
    for (kind, units) in [("read", consumed.read_units), ("write", consumed.write_units)] {
        line(&mut text, format_args!("catops_log_units_total{{kind=\"{kind}\"}} {units}"));
    }
    text
}

impl Histogram {
    fn render(&self, name: &str, text: &mut String) {
        line(text, format_args!("# TYPE catops_{name}_seconds histogram"));
        for (count, bound) in self.buckets.iter().zip(BUCKETS_MS) {
            let bound = Duration::from_millis(bound).as_secs_f64();
            line(text, format_args!("catops_{name}_seconds_bucket{{le=\"{bound}\"}} {count}"));
        }
        line(text, format_args!("catops_{name}_seconds_bucket{{le=\"+Inf\"}} {}", self.count));
        let sum = Duration::from_micros(self.sum_us).as_secs_f64();
        line(text, format_args!("catops_{name}_seconds_sum {sum}"));
        line(text, format_args!("catops_{name}_seconds_count {}", self.count));
    }
}

fn gauge(text: &mut String, name: &str, value: u64) {
    line(text, format_args!("# TYPE catops_{name} gauge"));
    line(text, format_args!("catops_{name} {value}"));
}

fn line(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    writeln!(text, "{arguments}").expect("a String takes every text");
}
