//! What people type: `/catops ...`, a mention, a direct message. One grammar, one answer, visible to the one who typed.

use crate::app::App;
use crate::flow::act::{self, Doer, Seen, Wish};
use crate::flow::change::{self, ChangeError, Changed};
use crate::flow::drill::{self, NoDrill, Wish as DrillWish};
use crate::flow::silences::{self, NotDone};
use crate::flow::switch;
use crate::{oncall, silence, surface, whynot};
use incident::{ActionId, Incident, IncidentId, Mark, Refused, ResponderId, SilenceId, SilenceWish};
use slack::blocks::Message;
use slack::command::{
    About, Actions, Drilling, Line, Marking, OnCall, Person, Run, Silencing, Which, parse, parse_said,
};
use slack::read::Command;
use std::collections::BTreeMap;

/// Answers a line that was typed outside a thread.
pub async fn answer(app: &App, command: &Command) -> Message {
    match parse(&command.text) {
        Ok(line) => answer_line(app, command, None, line).await,
        Err(misread) => surface::misread(app, &misread),
    }
}

/// What is answered to something that was said in a mention or a direct message.
pub enum Answer {
    /// For whoever said it.
    Private(Message),
    /// For everybody in the thread: it changes nothing, and others want to know it too.
    Shared(Message),
}

/// Answers what was said in a mention or a direct message; `thread_ts` is the thread it was said in, whose card is "this". It is a command, or the question who is on call in anybody's words.
pub async fn answer_said(app: &App, command: &Command, thread_ts: Option<&str>) -> Answer {
    match parse_said(&command.text) {
        Ok(Line::OnCall(OnCall::Who { schedule, at })) => {
            let (schedule, at) = with_schedule(app, schedule, at);
            let line = Line::OnCall(OnCall::Who { schedule, at });
            Answer::Shared(answer_line(app, command, thread_ts, line).await)
        }
        Ok(line) => Answer::Private(answer_line(app, command, thread_ts, line).await),
        Err(misread) => Answer::Private(surface::misread(app, &misread)),
    }
}

/// Among words that were taken for a time, a schedule's name is one: "who is on call billing tomorrow".
fn with_schedule(app: &App, schedule: Option<String>, at: Option<String>) -> (Option<String>, Option<String>) {
    let (None, Some(words)) = (&schedule, &at) else { return (schedule, at) };
    let setup = app.setup();
    let Some(name) = words.split_whitespace().find(|word| setup.rota.schedule(word).is_ok()) else {
        return (schedule, at);
    };
    let rest: Vec<&str> = words.split_whitespace().filter(|word| *word != name).collect();
    (Some(name.to_owned()), (!rest.is_empty()).then(|| rest.join(" ")))
}

async fn answer_line(app: &App, command: &Command, thread_ts: Option<&str>, line: Line) -> Message {
    let speaker = Speaker { app, command, thread_ts };
    match speaker.answer(line).await {
        Ok(message) => message,
        Err(Said::NotInRota(who)) => surface::sentence(&format!("{who} is not in the rota.")),
        Err(Said::NoIncident) => surface::sentence("No incident is open. `incidents` lists them; name one as INC-42."),
        Err(Said::Change(id, error)) => surface::refused(app, id, &error).await,
    }
}

struct Speaker<'a> {
    app: &'a App,
    command: &'a Command,
    thread_ts: Option<&'a str>,
}

/// Why a line was not carried out.
enum Said {
    NoIncident,
    /// Somebody else who was named.
    NotInRota(String),
    Change(Option<IncidentId>, ChangeError),
}

impl From<ChangeError> for Said {
    fn from(error: ChangeError) -> Self {
        Self::Change(None, error)
    }
}

impl From<Refused> for Said {
    fn from(refused: Refused) -> Self {
        Self::Change(None, refused.into())
    }
}

impl Speaker<'_> {
    async fn answer(&self, line: Line) -> Result<Message, Said> {
        match line {
            Line::Help(word) => Ok(surface::help(self.app, word)),
            Line::Ping => Ok(surface::sentence("Meow!")),
            Line::Incidents => Ok(surface::incidents(self.app).await?),
            Line::OnCall(wish) => self.on_call(wish).await,
            Line::Whoami => Ok(surface::whoami(self.app, &self.command.who.user)),
            Line::Actions(wish) => self.actions(wish).await,
            Line::Drill(wish) => self.drill(wish).await,
            Line::Ready => self.ready().await,
            Line::Silence(wish) => self.silence(wish).await,
            Line::Silences => Ok(silence::list(self.app).await?),
            Line::Unsilence(id) => self.unsilence(id).await,
            Line::Why(which) => {
                let incident = change::load_whole(self.app, self.find(which).await?.id).await?;
                Ok(surface::why_message(self.app, &incident).await)
            }
            Line::WhyNot(words) => Ok(whynot::answer(self.app, &words).await?),
            Line::Runbook(words) => Ok(surface::runbooks(self.app, &words)),
            Line::Similar(which) => Ok(surface::similar(self.app, &self.find_any(which).await?).await),
            Line::Timeline(which) => Ok(surface::timeline_message(self.app, &self.find(which).await?).await?),
            line => self.act(line).await,
        }
    }

    async fn on_call(&self, wish: OnCall) -> Result<Message, Said> {
        let app = self.app;
        let looked = match &wish {
            OnCall::Who { schedule, at } => {
                return Ok(surface::on_call(app, &self.command.who.user, schedule.as_deref(), at.as_deref()).await?);
            }
            OnCall::Why { schedule, at } => {
                oncall::why(app, &self.command.who.user, schedule.as_deref(), at.as_deref()).await
            }
            OnCall::Week(schedule) => oncall::week(app, schedule.as_deref()).await,
            OnCall::Gaps(schedule) => oncall::no_one(app, schedule.as_deref()).await,
            OnCall::Fair(schedule) => oncall::fair(app, schedule.as_deref()).await,
            _ => self.change_rota(wish).await?,
        };
        match looked {
            Ok(message) => Ok(message),
            Err(oncall::Said::No(why)) => Ok(surface::sentence(&why)),
            Err(oncall::Said::Change(ChangeError::Duplicate)) => Ok(surface::sentence("This was done already.")),
            Err(oncall::Said::Change(error)) => Err(error.into()),
        }
    }

    /// What only somebody of the rota can ask.
    async fn change_rota(&self, wish: OnCall) -> Result<Result<Message, oncall::Said>, Said> {
        let (app, doer) = (self.app, self.doer()?);
        Ok(match wish {
            OnCall::Cover(timed) => oncall::ask(app, &doer, &timed).await,
            OnCall::Take { from, timed } => {
                let from = from.map(|from| self.person(&from)).transpose()?;
                oncall::take(app, &doer, from, &timed).await
            }
            OnCall::Override { who, timed } => oncall::put(app, &doer, self.person(&who)?, &timed).await,
            OnCall::Swap { with, timed } => oncall::offer(app, &doer, self.person(&with)?, &timed).await,
            OnCall::Accept { number, part } => oncall::accept(app, &doer, number, &part).await,
            OnCall::Cancel(number) => oncall::cancel(app, &doer, number).await,
            _ => oncall::mine(app, &doer.who).await,
        })
    }

    async fn actions(&self, wish: Actions) -> Result<Message, Said> {
        let done = match wish {
            Actions::Show => {
                let switch = switch::load(&*self.app.log).await.map_err(ChangeError::from)?;
                return Ok(surface::actions(self.app, switch.stopped.as_ref()));
            }
            Actions::Stop(why) => {
                switch::stop(self.app, &self.doer()?, &why).await.map(|halt| surface::halted(self.app, &halt))
            }
            Actions::Start => {
                let doer = self.doer()?;
                let told = format!("{} lets actions run again.", self.app.name(&doer.who));
                switch::allow(self.app, &doer).await.map(|()| surface::sentence(&told))
            }
        };
        match done {
            Err(ChangeError::Duplicate) => Ok(surface::sentence("This was done already.")),
            // Whoever waits for an action should know why it does not come.
            done => Ok(surface::aloud(done?)),
        }
    }

    async fn drill(&self, wish: Drilling) -> Result<Message, Said> {
        let doer = self.doer()?;
        let person = wish.person.as_ref().map(|person| self.person(person)).transpose()?;
        let wish = DrillWish {
            service: wish.service,
            schedule: wish.schedule,
            person: person.map(|person| person.0),
            policy: wish.policy,
            why: wish.why,
            by: Some(doer.who.clone()),
            ..DrillWish::default()
        };
        match drill::begin(self.app, &wish, &doer.cause).await {
            Ok(Some(id)) => {
                let who = self.app.name(&doer.who);
                // Whoever sees the card should know that somebody wanted it.
                Ok(surface::aloud(surface::sentence(&format!("{who} began a drill, {id}. Nothing is broken."))))
            }
            Ok(None) => Ok(surface::sentence("This was done already.")),
            Err(NoDrill::Change(error)) => Err(error.into()),
            Err(error) => Ok(surface::sentence(&format!("No drill began: {error}."))),
        }
    }

    /// Answers the ready check that asks the one who typed.
    async fn ready(&self) -> Result<Message, Said> {
        let doer = self.doer()?;
        let (open, _) = crate::entry::api::list(self.app, crate::flow::names::OPEN, None, 200).await?;
        let is_asked = |incident: &Incident| {
            incident.drill().is_some_and(|drill| drill.ready.is_some())
                && incident.only_answered_by() == Some(&doer.who)
        };
        let Some(asked) = open.into_iter().find(is_asked) else {
            return Ok(surface::sentence("Nobody asks you now whether you are ready."));
        };
        let done = act::acknowledge(self.app, &doer, asked.id).await;
        self.said(asked.id, done, "you are ready")
    }

    async fn silence(&self, wish: Silencing) -> Result<Message, Said> {
        let doer = self.doer()?;
        let mut matchers = Vec::with_capacity(wish.what.len());
        for about in wish.what {
            matchers.push(match about {
                About::Matcher(matcher) => matcher,
                About::Incident(which) => match silence::of_incident(&self.find_any(which).await?) {
                    Ok(matcher) => matcher,
                    Err(why) => return Ok(nothing_silenced(&why)),
                },
            });
        }
        let (starts_at, ends_at) = match silence::time(self.app, &doer.who, &wish.time) {
            Ok(time) => time,
            Err(why) => return Ok(nothing_silenced(&why)),
        };
        let wish = SilenceWish { matchers, by: doer.who.clone(), because: wish.because, starts_at, ends_at };
        let made = silences::make(self.app, &doer, wish).await;
        // Whoever waits for an alarm should know why it does not come.
        silence_said(made.map(|made| surface::aloud(surface::sentence(&silence::made(self.app, &made)))))
    }

    async fn unsilence(&self, id: SilenceId) -> Result<Message, Said> {
        let ended = silences::end(self.app, &self.doer()?, id).await;
        silence_said(ended.map(|ended| surface::aloud(surface::sentence(&silence::ended(self.app, &ended)))))
    }

    async fn act(&self, line: Line) -> Result<Message, Said> {
        let doer = self.doer()?;
        let (id, done, word) = match line {
            Line::Acknowledge(which) => {
                let id = self.find(which).await?.id;
                let done = act::acknowledge(self.app, &doer, id).await;
                let partly = done.as_ref().is_ok_and(|changed| changed.incident.acknowledged.is_none());
                (
                    id,
                    done,
                    if partly { "acknowledged by you; the others who were asked must, too" } else { "acknowledged" },
                )
            }
            Line::Resolve(which, note) => {
                let id = self.find(which).await?.id;
                (id, act::resolve(self.app, &doer, id, &note).await, "resolved")
            }
            Line::Reopen(which) => {
                let id = self.find_any(which).await?.id;
                (id, act::reopen(self.app, &doer, id).await, "opened again")
            }
            Line::Note(which, text) => {
                let id = self.find_any(which).await?.id;
                (id, act::note(self.app, &doer, id, &text).await, "noted")
            }
            Line::Assign(which, person) => {
                let to = self.person(&person)?;
                let id = self.find(which).await?.id;
                (id, act::assign(self.app, &doer, id, to).await, "given away")
            }
            Line::Escalate(which) => {
                let id = self.find(which).await?.id;
                (id, act::escalate(self.app, &doer, id).await, "escalated")
            }
            Line::Snooze(..) | Line::Extend(..) | Line::Decline(_) | Line::HandOver(..) => {
                return self.take_time(&doer, line).await;
            }
            Line::Run(run) => return self.run(&doer, run).await,
            Line::Mark(marking) => return self.mark(&doer, marking).await,
            _ => return Ok(surface::help(self.app, None)),
        };
        self.said(id, done, word)
    }

    /// What somebody does with an incident that asks them, or that they have.
    async fn take_time(&self, doer: &Doer, line: Line) -> Result<Message, Said> {
        let (id, done, word) = match line {
            Line::Snooze(which, length) => {
                let id = self.find(which).await?.id;
                (id, act::snooze(self.app, doer, id, length).await, "snoozed")
            }
            Line::Extend(which, length) => {
                let id = self.find(which).await?.id;
                (id, act::extend(self.app, doer, id, length).await, "yours for longer")
            }
            Line::Decline(which) => {
                let id = self.find(which).await?.id;
                (id, act::decline(self.app, doer, id).await, "declined")
            }
            Line::HandOver(which, Some(person)) => {
                let to = self.person(&person)?;
                let id = self.find(which).await?.id;
                (id, act::assign(self.app, doer, id, to).await, "handed over")
            }
            Line::HandOver(which, None) => {
                let id = self.find(which).await?.id;
                (id, act::hand_over_to_next(self.app, doer, id).await, "handed over")
            }
            _ => return Ok(surface::help(self.app, None)),
        };
        self.said(id, done, word)
    }

    fn said(&self, id: IncidentId, done: Result<Changed, ChangeError>, word: &str) -> Result<Message, Said> {
        match done {
            Ok(changed) => Ok(surface::sentence(&format!("{}: {word}.", surface::named(&changed.incident)))),
            Err(ChangeError::Duplicate) => Ok(surface::sentence(&format!("{id}: {word} already."))),
            Err(error) => Err(Said::Change(Some(id), error)),
        }
    }

    async fn run(&self, doer: &Doer, run: Run) -> Result<Message, Said> {
        let incident = self.find(run.which).await?;
        let Some(named) = &run.action else { return Ok(surface::runnable(self.app, &incident)) };
        let action = by_name_or_rank(&incident, named);
        let params = self.arguments(&action, &run);
        if run.dry {
            return Ok(surface::dry_run(self.app, &incident, &action, params));
        }
        let done = act::run(self.app, doer, incident.id, Wish { action, params, seen: Seen::Nothing }).await;
        if let (Ok(changed), Some(reason)) = (&done, &run.reason) {
            let note = Doer { cause: format!("{}:reason", doer.cause), ..doer.clone() };
            act::note(self.app, &note, changed.incident.id, reason).await?;
        }
        self.said(incident.id, done, "running")
    }

    async fn mark(&self, doer: &Doer, marking: Marking) -> Result<Message, Said> {
        let Marking { mark, action, which, why } = marking;
        let incident = self.find_any(which).await?;
        let action = by_name_or_rank(&incident, &action);
        let word = match mark {
            Some(Mark::Pinned) => "is suggested first from now on",
            Some(Mark::Banned) => "is not suggested any more",
            None => "is ranked by text and record again",
        };
        let told = format!("{action} {word} when this alarm fires: {}.", incident.alarm.title);
        match act::mark(self.app, doer, incident.id, &action, mark, &why).await {
            Ok(_) | Err(ChangeError::Duplicate) => Ok(surface::sentence(&told)),
            Err(error) => Err(Said::Change(Some(incident.id), error)),
        }
    }

    /// Arguments by name, and those without one by their place.
    fn arguments(&self, action: &ActionId, run: &Run) -> BTreeMap<String, String> {
        let setup = self.app.setup();
        let mut by_place =
            setup.catalogue.get(action).map(|action| action.params.as_slice()).unwrap_or_default().iter();
        let mut params = BTreeMap::new();
        for argument in &run.arguments {
            let name = argument.name.clone().or_else(|| by_place.next().map(|param| param.name.clone()));
            params.insert(name.unwrap_or_else(|| argument.value.clone()), argument.value.clone());
        }
        params
    }

    fn doer(&self) -> Result<Doer, Said> {
        Ok(Doer { who: act::responder(self.app, &self.command.who.user)?, cause: self.command.key.clone() })
    }

    fn person(&self, person: &Person) -> Result<ResponderId, Said> {
        let setup = self.app.setup();
        match person {
            Person::Me => Ok(act::responder(self.app, &self.command.who.user)?),
            Person::User(user) => act::responder(self.app, user).map_err(|_| Said::NotInRota(format!("<@{user}>"))),
            Person::Name(name) => {
                let id = ResponderId(name.trim_start_matches('@').to_lowercase());
                if setup.rota.is_responder(&id) { Ok(id) } else { Err(Said::NotInRota(name.clone())) }
            }
        }
    }

    /// The incident that is meant among the open ones; of a number, whatever its state.
    async fn find(&self, which: Which) -> Result<Incident, Said> {
        match which {
            Which::Number(id) => Ok(change::load(self.app, id).await?),
            Which::Unsaid | Which::This => match self.of_thread().await? {
                Some(incident) => Ok(incident),
                None => self.newest().await,
            },
            Which::Last => self.newest().await,
        }
    }

    /// As [`Self::find`], but "last" may be one that is over.
    async fn find_any(&self, which: Which) -> Result<Incident, Said> {
        match self.find(which).await {
            Err(Said::NoIncident) => {
                let (ended, _) = crate::entry::api::list(self.app, crate::flow::names::RESOLVED, None, 1).await?;
                ended.into_iter().next().ok_or(Said::NoIncident)
            }
            found => found,
        }
    }

    async fn newest(&self) -> Result<Incident, Said> {
        act::newest_open(self.app).await?.ok_or(Said::NoIncident)
    }

    /// The incident whose card began the thread that was typed in.
    async fn of_thread(&self) -> Result<Option<Incident>, Said> {
        let Some(thread) = self.thread_ts else { return Ok(None) };
        let (open, _) = crate::entry::api::list(self.app, crate::flow::names::OPEN, None, 200).await?;
        let here = |incident: &Incident| {
            incident.cards.iter().any(|card| card.channel == self.command.channel && card.ts == thread)
        };
        Ok(open.into_iter().find(here))
    }
}

fn silence_said(done: Result<Message, NotDone>) -> Result<Message, Said> {
    match done {
        Ok(message) => Ok(message),
        Err(NotDone::Change(ChangeError::Duplicate)) => Ok(surface::sentence("This was done already.")),
        Err(NotDone::Change(error)) => Err(error.into()),
        Err(error) => Ok(nothing_silenced(&error.to_string())),
    }
}

fn nothing_silenced(why: &str) -> Message {
    surface::sentence(&format!("Nothing done. {why}."))
}

fn by_name_or_rank(incident: &Incident, named: &str) -> ActionId {
    let ranked =
        named.parse::<usize>().ok().and_then(|rank| incident.suggestions.get(rank.checked_sub(1)?)?.action.clone());
    ranked.unwrap_or_else(|| ActionId::from(named))
}
