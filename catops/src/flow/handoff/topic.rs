//! The topic of a schedule's channel: who is on call until when, and who is next. Only our own part of it is replaced, and only
//! when it differs.

use crate::app::App;
use crate::clock;
use crate::flow::perform::{NotNow, done};
use crate::flow::post::sorted;
use crate::flow::triage;
use incident::ResponderId;
use log::LeasedEffect;
use rota::{OnCall, Rota};

/// Brings the topic up to date.
pub(super) async fn perform(app: &App, schedule: &str, leased: &LeasedEffect) -> Result<(), NotNow> {
    let setup = app.setup();
    let found = setup.rota.schedules.get(schedule).filter(|found| found.topic);
    let (Some(side), Some(channel)) = (&app.slack, found.and_then(|found| found.channel.as_deref())) else {
        return done(app, leased).await;
    };
    let operations = triage::operations(&*app.log).await?;
    let duty = rota::on_call(&setup.rota, schedule, &operations, clock::now());
    let duty = duty.map_err(|unknown| NotNow::Never(unknown.to_string()))?;
    let (begin, part) = part(&setup.rota, schedule, channel, &duty);
    let topic = side.client.topic(channel).await.map_err(|failure| sorted(side, "conversations.info", failure))?;
    if let Some(new) = slack::topic::with_part(&topic, &begin, &part) {
        let set = side.client.set_topic(channel, &new).await;
        set.map_err(|failure| sorted(side, "conversations.setTopic", failure))?;
    }
    done(app, leased).await
}

/// Our part, and how it begins: with the schedule's name, when the channel hears of several.
fn part(rota: &Rota, schedule: &str, channel: &str, duty: &OnCall) -> (String, String) {
    let shares = |name: &String| {
        name != schedule && rota.schedules[name].topic && rota.schedules[name].channel.as_deref() == Some(channel)
    };
    let is_shared = rota.schedules.keys().any(shares);
    let begin = if is_shared { format!("On call for {schedule}: ") } else { "On call: ".to_owned() };
    let zone = rota.zone_of(Some(schedule));
    let names = |people: &[ResponderId]| -> String {
        let name = |who: &ResponderId| {
            let name = rota.person(who).map_or(who.0.as_str(), |person| person.name.as_str());
            name.replace('|', "/")
        };
        if people.is_empty() { "nobody".to_owned() } else { people.iter().map(name).collect::<Vec<_>>().join(", ") }
    };
    let mut part = format!("{begin}{}", names(&duty.on_duty));
    if let Some(until) = duty.until {
        part.push_str(&format!(" until {}", zone.wall(until).format("%a %H:%M")));
        let next = duty.next.as_ref().filter(|next| next.start == until);
        part.push_str(&format!(", then {}", names(next.map_or(&[], |next| next.on_duty.as_slice()))));
    }
    (begin, part)
}
