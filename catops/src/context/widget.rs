//! What CloudWatch is to draw, as the JSON of a metric widget. Names are strangers' words and stay inside JSON strings.
//!
//! Shape: the metric widget structure of `GetMetricWidgetImage`, in the CloudWatch API reference.

use super::known::{Definition, Plot, PlotSource};
use serde_json::{Value, json};

/// Pixels: a thread shows no more at once.
const SIZE: (u32, u32) = (600, 300);

/// Three hours: enough to see what was usual before.
const START: &str = "-PT3H";

/// Lines of one graph that CloudWatch takes.
const PLOTS_MAX: usize = 100;

/// The widget of an alarm; `None` when there is nothing to draw, as of a composite one.
pub(super) fn widget(name: &str, definition: &Definition) -> Option<String> {
    if definition.plots.is_empty() || definition.plots.len() > PLOTS_MAX {
        return None;
    }
    let metrics: Vec<Value> = definition.plots.iter().map(plot).collect();
    let lines: Vec<Value> = definition
        .threshold
        .iter()
        .map(|(value, comparison)| json!({ "label": format!("fires {comparison} {value}"), "value": value, "color": "#d62728" }))
        .collect();
    let widget = json!({
        "title": name,
        "width": SIZE.0,
        "height": SIZE.1,
        "start": START,
        "metrics": metrics,
        "annotations": { "horizontal": lines },
    });
    Some(widget.to_string())
}

fn plot(plot: &Plot) -> Value {
    let mut options = serde_json::Map::new();
    let mut add = |name: &str, value: Value| drop(options.insert(name.to_owned(), value));
    if !plot.id.is_empty() {
        add("id", json!(plot.id));
    }
    if !plot.label.is_empty() {
        add("label", json!(plot.label));
    }
    if !plot.is_shown {
        add("visible", json!(false));
    }
    match &plot.source {
        PlotSource::Expression { expression, period_seconds } => {
            add("expression", json!(expression));
            if let Some(period) = period_seconds {
                add("period", json!(period));
            }
            json!([options])
        }
        PlotSource::Metric { namespace, metric, dimensions, statistic, period_seconds, account } => {
            add("stat", json!(statistic));
            add("period", json!(period_seconds));
            if let Some(account) = account {
                add("accountId", json!(account));
            }
            let named =
                [namespace, metric].into_iter().chain(dimensions.iter().flat_map(|(name, value)| [name, value]));
            let mut row: Vec<Value> = named.map(|word| json!(word)).collect();
            row.push(Value::Object(options));
            Value::Array(row)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metric(id: &str, is_shown: bool) -> Plot {
        let source = PlotSource::Metric {
            namespace: "AWS/EC2".to_owned(),
            metric: "CPUUtilization".to_owned(),
            dimensions: vec![("InstanceId".to_owned(), "i-\"1".to_owned())],
            statistic: "Average".to_owned(),
            period_seconds: 300,
            account: None,
        };
        Plot { id: id.to_owned(), label: String::new(), is_shown, source }
    }

    fn drawn(definition: &Definition) -> Value {
        serde_json::from_str(&widget("CPU \"high\"", definition).expect("something to draw")).unwrap()
    }

    #[test]
    fn a_metric_is_drawn_with_its_threshold() {
        let definition =
            Definition { plots: vec![metric("", true)], threshold: Some((80.5, ">=")), ..Definition::default() };
        let expect = json!({
            "title": "CPU \"high\"", "width": 600, "height": 300, "start": "-PT3H",
            "metrics": [["AWS/EC2", "CPUUtilization", "InstanceId", "i-\"1", { "stat": "Average", "period": 300 }]],
            "annotations": { "horizontal": [{ "label": "fires >= 80.5", "value": 80.5, "color": "#d62728" }] },
        });
        assert_eq!(drawn(&definition), expect);
    }

    #[test]
    fn metric_math_is_drawn_with_what_it_is_computed_from() {
        let source = PlotSource::Expression { expression: "m1 / 2".to_owned(), period_seconds: None };
        let half = Plot { id: "e1".to_owned(), label: "Half".to_owned(), is_shown: true, source };
        let definition = Definition { plots: vec![half, metric("m1", false)], ..Definition::default() };
        let expect = json!([
            [{ "id": "e1", "label": "Half", "expression": "m1 / 2" }],
            ["AWS/EC2", "CPUUtilization", "InstanceId", "i-\"1", { "id": "m1", "visible": false, "stat": "Average", "period": 300 }],
        ]);
        assert_eq!(drawn(&definition)["metrics"], expect);
    }

    #[test]
    fn of_a_composite_alarm_there_is_nothing_to_draw() {
        assert_eq!(widget("all of it", &Definition::default()), None);
    }
}
