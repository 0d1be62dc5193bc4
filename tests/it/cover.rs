//! What people change about the rota in Slack, and that who is paged follows: cover in parts, swaps, overrides, taking over.

use anyhow::{Context, Result, ensure};
use tests::{Home, Server};

use crate::clicks::Button;

const ANA: &str = "U0ANA";
const BEN: &str = "U0BEN";
const CHI: &str = "U0CHI";
const OPS: &str = "C0OPS";

/// Ana is always on call; Ben and Chi are on the schedule and have no turn that counts.
fn home() -> Result<Home> {
    let home = Home::of_ana(
        "[slack]\nchannel = \"C0OPS\"\npost_interval = \"0s\"\n[[source]]\nkind = \"generic\"\nauth = \"open\"\n",
    )?;
    let rota = "[people.ana]\nname = \"Ana Ruiz\"\nslack = \"U0ANA\"\n[people.ben]\nname = \"Ben Okafor\"\nslack = \"U0BEN\"\n\
        [people.chi]\nname = \"Chi Lee\"\nslack = \"U0CHI\"\n[schedules.payments]\nzone = \"UTC\"\n\
        [[schedules.payments.layers]]\nname = \"first\"\nrotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\npriority = 1\n\
        [[schedules.payments.layers]]\nname = \"second\"\nrotation = [\"ben\", \"chi\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"\n\
        [escalation.default]\nlevels = [{ page = [\"schedule:payments\"], wait = \"10m\" }]\n";
    std::fs::write(home.config.join("rota/team.toml"), rota)?;
    Ok(home)
}

async fn say(server: &Server, who: &str, text: &str) -> Result<()> {
    server.say(who, OPS, &format!("/catops oncall {text}")).await
}

/// Who is on call at a time that could be typed.
async fn duty(server: &Server, at: &str) -> Result<Vec<String>> {
    let answer = server.get(&format!("/api/v1/oncall?at={}", at.replace(' ', "%20"))).await?;
    let people = answer["schedules"][0]["on_duty"].as_array().context("people")?;
    Ok(people.iter().filter_map(|person| person.as_str().map(str::to_owned)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn cover_is_taken_in_parts_and_the_first_who_accepts_wins() -> Result<()> {
    let server = home()?.serve(&[])?;
    say(&server, ANA, "cover me tomorrow 10:00-14:00 because my sister marries").await?;
    let wanted =
        ["Ana Ruiz asks for cover on payments", "my sister marries", "Until somebody takes it, Ana Ruiz is on call"];
    let asked = server.says(OPS, BEN, &wanted).await?;
    server.says("D0BEN", BEN, &["Ana Ruiz asks for cover", "I take all"]).await?;
    server.says("D0CHI", CHI, &["Ana Ruiz asks for cover"]).await?;
    ensure!(duty(&server, "tomorrow 11:00").await? == ["ana"], "nobody has taken it yet");

    let take_all = Button::find(&asked, "#1: I take all").context("a button to take all")?;
    take_all.press(&server, ANA).await?;
    server.says(OPS, ANA, &["you asked for this cover yourself"]).await?;
    say(&server, BEN, "accept 1 tomorrow 10:00-12:00").await?;
    server.says(OPS, ANA, &["Ben Okafor covers", "Until somebody takes it"]).await?;
    take_all.press(&server, CHI).await?;
    server.says(OPS, ANA, &["Ben Okafor covers", "Chi Lee covers"]).await?;
    server.says("D0ANA", ANA, &["Ben Okafor covers", "Chi Lee covers"]).await?;
    let [before, first, second, after] = ["09:59", "10:00", "12:00", "14:00"].map(|time| format!("tomorrow {time}"));
    ensure!(duty(&server, &before).await? == ["ana"]);
    ensure!(duty(&server, &first).await? == ["ben"]);
    ensure!(duty(&server, &second).await? == ["chi"]);
    ensure!(duty(&server, &after).await? == ["ana"]);

    say(&server, BEN, "accept 1").await?;
    server.says(OPS, BEN, &["already taken by ben and chi"]).await?;
    say(&server, BEN, "swap @chi sat").await?;
    server.says(OPS, BEN, &["is too much"]).await?;
    say(&server, CHI, "me").await?;
    server.says(OPS, CHI, &["You are not on call now. Your next shifts:", "payments"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_over_is_paged_until_it_is_taken_back_and_files_change_nothing_about_it() -> Result<()> {
    let home = home()?;
    let server = home.serve(&[])?;
    say(&server, BEN, "take 2h because Ana is on a plane").await?;
    let told = server.says(OPS, ANA, &["Ben Okafor is on call for payments", "Ana is on a plane", "#1"]).await?;
    ensure!(server.fire("db-1/disk", "a1", "Disk is full on db-1").await? == 202);
    server.says("D0BEN", BEN, &["Disk is full on db-1"]).await?;

    // The layers are changed under it: what people agreed on stays.
    let path = home.config.join("rota/team.toml");
    let rota = std::fs::read_to_string(&path)?.replace("rotation = [\"ana\"]", "rotation = [\"chi\"]");
    std::fs::write(&path, rota)?;
    let look = async |server: &Server| {
        let now = (duty(server, "now").await?, duty(server, "tomorrow 12:00").await?);
        Ok(if now == (vec!["ben".to_owned()], vec!["chi".to_owned()]) { Ok(()) } else { Err(format!("{now:?}")) })
    };
    server.until("Ben now, Chi tomorrow", look).await?;

    let back = Button::find(&told, "#1: Take it back").context("the way back")?;
    back.press(&server, ANA).await?;
    server.says(OPS, BEN, &["Ana Ruiz took #1 back."]).await?;
    server.says("D0BEN", BEN, &["Ana Ruiz changed who is on call for payments", "#1", "Chi Lee"]).await?;
    ensure!(duty(&server, "now").await? == ["chi"]);
    say(&server, BEN, "cancel 1").await?;
    server.says(OPS, BEN, &["that time is over; what was, stays as it was"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_counts_once_the_other_agrees() -> Result<()> {
    let home = home()?;
    let path = home.config.join("rota/team.toml");
    let daily = std::fs::read_to_string(&path)?.replace(
        "rotation = [\"ana\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 week\"",
        "rotation = [\"ana\", \"ben\"]\nhandoff = \"2026-01-05 09:00\"\nevery = \"1 day\"",
    );
    std::fs::write(&path, daily)?;
    let server = home.serve(&[])?;
    // Whoever it is today: the next two whole shifts are one of each.
    let first = "tomorrow 10:00".to_owned();
    let before = duty(&server, &first).await?;
    let other = if before == ["ana"] { "ben" } else { "ana" };
    say(&server, ANA, "swap @ben because of the school play").await?;
    let offered =
        server.says(OPS, BEN, &["Ana Ruiz would like to swap with", "Ana Ruiz gives", "Ben Okafor gives"]).await?;
    let asked = server.says("D0BEN", BEN, &["Ana Ruiz would like to swap with", "Agree"]).await?;
    ensure!(duty(&server, &first).await? == before, "nobody agreed yet");
    Button::find(&asked, "#1: Agree").context("the same in the direct message")?;
    Button::find(&offered, "#1: Agree").context("a button to agree")?.press(&server, ANA).await?;
    server.says(OPS, ANA, &["only ben can answer that"]).await?;
    Button::find(&offered, "#1: Agree").context("a button to agree")?.press(&server, BEN).await?;
    server.says(OPS, ANA, &["Agreed. It counts."]).await?;
    server.says("D0ANA", ANA, &["Agreed. It counts."]).await?;
    ensure!(duty(&server, &first).await? == [other], "the shifts are swapped");
    say(&server, BEN, "cancel 1").await?;
    server.says(OPS, ANA, &["It does not count."]).await?;
    ensure!(duty(&server, &first).await? == before, "and back");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_says_what_it_goes_before_and_who_is_put_on_duty_is_told() -> Result<()> {
    let server = home()?.serve(&[])?;
    say(&server, ANA, "override @ben tomorrow 9-17").await?;
    server.says(OPS, ANA, &["Ben Okafor is on call for payments", "says Ana Ruiz", "#1"]).await?;
    server.says("D0BEN", BEN, &["Ana Ruiz changed who is on call for payments", "#1", "Ben Okafor"]).await?;
    say(&server, CHI, "override @chi tomorrow 12-13").await?;
    server.says(OPS, ANA, &["Chi Lee is on call for payments", "It goes before #1 of Ana Ruiz."]).await?;
    ensure!(duty(&server, "tomorrow 11:00").await? == ["ben"]);
    ensure!(duty(&server, "tomorrow 12:30").await? == ["chi"]);
    say(&server, ANA, "override @ben yesterdy").await?;
    server.says(OPS, ANA, &["is no time that I can read"]).await?;
    say(&server, ANA, "override @zoe tomorrow 9-17").await?;
    server.says(OPS, ANA, &["zoe is not in the rota."]).await?;
    say(&server, "U0SAM", "take").await?;
    server.says(OPS, "U0SAM", &["not in the rota"]).await?;
    say(&server, ANA, "gaps").await?;
    server.says(OPS, ANA, &["Somebody is on call at every moment of the next eight weeks."]).await?;
    say(&server, ANA, "week").await?;
    server.says(OPS, ANA, &["On call in the next seven days", "(#1)", "(#2)"]).await?;
    say(&server, ANA, "fair").await?;
    server.says(OPS, ANA, &["Who carries how much", "Ben Okafor: 7 h"]).await?;
    Ok(())
}
