"""Compares what we make of calendars with what recurring-ical-events makes of them, which shares no code with us.

1. Feeds: the people that the library finds in our feed are on call by our schedule at each of its edges, and nobody else is.
2. Samples: each calendar in tests/corpus/calendars has the same entries for both.
3. Chance: so many made-up series, with exceptions and in many zones, have the same entries for both (--cases, --seed); so has
   what is kept of them, and a schedule that goes by one has those on call whom the library finds in it, at each edge.

Not compared are times that a change of clocks skips or repeats, where the library follows RFC 5545 and we follow rule L.
"""

import argparse
import datetime as dt
import json
import pathlib
import random
import subprocess
import sys
import zoneinfo

import icalendar
import recurring_ical_events

HERE = pathlib.Path(__file__).parent
SAMPLES = HERE.parent / "corpus" / "calendars"
UTC = dt.timezone.utc


def ours(*arguments, text=b""):
    done = subprocess.run([BINARY, *arguments], input=text, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"{arguments}: {done.stderr.decode()}")
    return done.stdout


def stamp(at):
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(value, zone):
    """A date or a floating time is the schedule's."""
    if not isinstance(value, dt.datetime):
        value = dt.datetime(value.year, value.month, value.day)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def theirs(text, zone, start, end):
    """Entries as (start, end, summary), as the library lays them out."""
    calendar = icalendar.Calendar.from_ical(text)
    found = []
    # A day more on each side: the library reads floating times in a zone of its own.
    for event in recurring_ical_events.of(calendar).between(start - dt.timedelta(2), end + dt.timedelta(2)):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        begin, finish = instant(event.start, zone), instant(event.end, zone)
        if begin < end and start < finish and begin < finish:
            found.append((stamp(begin), stamp(finish), str(event.get("SUMMARY", ""))))
    return sorted(found)


def our_entries(text, zone, start, end):
    told = json.loads(ours("entries", zone, stamp(start), stamp(end), text=text))
    return sorted((e["start"], e["end"], e["summary"]) for e in told["entries"]), told["problems"]


def difference(name, mine, other):
    if mine == other:
        return 0
    print(f"{name} differs")
    for entry in sorted(set(mine) ^ set(other)):
        print("  only", "ours  " if entry in mine else "theirs", *entry)
    return 1


def check_feed(schedule, at):
    feed = ours("feed", str(HERE / "rota.toml"), schedule, stamp(at))
    assert all(len(line) <= 75 for line in feed.split(b"\r\n")) and b"\n" not in feed.replace(b"\r\n", b"")
    start, end = at - dt.timedelta(15), at + dt.timedelta(180)
    calendar = icalendar.Calendar.from_ical(feed)
    assert not calendar.errors and not any(event.errors for event in calendar.walk())
    uids = [str(event["UID"]) for event in calendar.walk("VEVENT")]
    assert len(uids) == len(set(uids)), "a UID comes twice"
    for event in calendar.walk("VEVENT"):
        assert event["TRANSP"] == "TRANSPARENT" and event["STATUS"] == "CONFIRMED" and "RRULE" not in event
        assert "Slack is the truth" in event["DESCRIPTION"] and event["URL"] == "https://catops.example/oncall"
        assert event["SUMMARY"].startswith(f"On call: {schedule} (") and len(event.walk("VALARM")) == 1
    events = recurring_ical_events.of(calendar).between(start, end)
    shifts = json.loads(ours("shifts", str(HERE / "rota.toml"), schedule, stamp(start), stamp(end)))
    wrong = 0
    for begin, finish, people in shifts:
        begin, finish = (dt.datetime.fromisoformat(text) for text in (begin, finish))
        for moment in (begin, finish - dt.timedelta(seconds=1)):
            said = {str(e["X-CATOPS-PERSON"]) for e in events if e.start <= moment < e.end}
            if said != set(people):
                print(f"feed {schedule} at {moment}: the feed says {said}, the schedule {people}")
                wrong += 1
    print(f"feed {schedule}: {len(uids)} events, {len(shifts)} segments of the schedule, {wrong} differ")
    return wrong


def check_sample(path):
    zone, (start, end) = "Europe/Madrid", (dt.datetime(2026, 1, 1, tzinfo=UTC), dt.datetime(2026, 7, 1, tzinfo=UTC))
    text = path.read_bytes()
    mine, _ = our_entries(text, zone, start, end)
    other = theirs(text, zoneinfo.ZoneInfo(zone), start, end)
    print(f"sample {path.name}: {len(mine)} entries")
    return difference(path.name, mine, other)


ZONES = {
    "Europe/Madrid": None, "America/New_York": None, "Asia/Kathmandu": None, "Australia/Lord_Howe": None,
    "America/Santiago": None, "Africa/Cairo": None, "Asia/Beirut": None, "America/Havana": None,
    # Windows names, which both know from CLDR.
    "W. Europe Standard Time": "Europe/Berlin", "Tokyo Standard Time": "Asia/Tokyo", "AUS Eastern Standard Time": "Australia/Sydney",
}
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def some(dice, values, most):
    return ",".join(str(value) for value in dice.sample(values, dice.randint(1, most)))


def a_rule(dice, start, all_day):
    """A rule that names the day it starts on, since the RFC leaves open what a start beside its rule means."""
    frequency = dice.choice(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"])
    parts = [f"FREQ={frequency}"]
    weekday = DAYS[start.weekday()]
    if dice.random() < 0.5:
        parts.append(f"INTERVAL={dice.randint(1, 4)}")
    others = [day for day in DAYS if day != weekday]
    if frequency in ("DAILY", "WEEKLY") and dice.random() < 0.6:
        parts.append("BYDAY=" + ",".join([weekday] + dice.sample(others, dice.randint(0, 4))))
    if frequency == "WEEKLY" and dice.random() < 0.5:
        parts.append("WKST=" + dice.choice(["MO", "SU"]))
    if frequency == "MONTHLY":
        kind = dice.random()
        if kind < 0.3:
            parts.append(f"BYDAY={(start.day - 1) // 7 + 1}{weekday}")
        elif kind < 0.5:
            more = [day for day in range(-5, 29) if day not in (0, start.day)]
            parts.append(f"BYMONTHDAY={start.day}," + some(dice, more, 4))
        elif kind < 0.6:
            parts.append(f"BYDAY={weekday}")
    if frequency == "YEARLY":
        kind = dice.random()
        if kind < 0.3:
            parts.append(f"BYMONTH={start.month};BYDAY={(start.day - 1) // 7 + 1}{weekday}")
        elif kind < 0.6:
            parts.append(f"BYMONTH={start.month}," + some(dice, [m for m in range(1, 13) if m != start.month], 4))
        elif kind < 0.7:
            parts.append(f"BYDAY={weekday}")
    ending = dice.random()
    if ending < 0.35:
        parts.append(f"COUNT={dice.randint(1, 60)}")
    elif ending < 0.7:
        last = start + dt.timedelta(dice.randint(0, 500))
        parts.append("UNTIL=" + (last.strftime("%Y%m%d") if all_day else last.strftime("%Y%m%dT235959Z")))
    return ";".join(parts)


def a_calendar(dice):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//check//EN"]
    for number in range(dice.randint(1, 3)):
        name = dice.choice(list(ZONES))
        all_day = dice.random() < 0.25
        day = dt.datetime(2024, 6, 1) + dt.timedelta(dice.randint(0, 900))
        # Between 04:00 and 23:00 no clock changes in these zones, and what ends at 23:00 may end twice.
        start = day if all_day else day.replace(hour=dice.randint(4, 21), minute=dice.choice([0, 15, 30, 45]))
        kind = ";VALUE=DATE" if all_day else f";TZID={name}"

        def written(at):
            return at.strftime("%Y%m%d" if all_day else "%Y%m%dT%H%M%S")

        length = dt.timedelta(dice.randint(1, 3)) if all_day else dt.timedelta(dice.randint(0, 2), hours=0, minutes=15)
        body = [f"UID:{number}", f"SUMMARY:s{number}", f"DTSTART{kind}:{written(start)}", f"DTEND{kind}:{written(start + length)}"]
        lines += ["BEGIN:VEVENT", *body, "SEQUENCE:0"]
        if dice.random() < 0.9:
            lines.append("RRULE:" + a_rule(dice, start, all_day))
            others = [start + dt.timedelta(days=7 * n) for n in range(1, 30)]
            if dice.random() < 0.4:
                lines.append(f"EXDATE{kind}:" + ",".join(written(at) for at in dice.sample(others, 3)))
            if dice.random() < 0.3:
                lines.append(f"RDATE{kind}:" + written(start + dt.timedelta(days=dice.randint(1, 200))))
        lines.append("END:VEVENT")
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


def check_kept(text, zone, start, end, mine, other):
    """What is kept of a calendar is the same calendar for both."""
    kept = ours("condensed", stamp(start), text=text)
    again, _ = our_entries(kept, zone, start, end)
    return mine == again and other == theirs(kept, zoneinfo.ZoneInfo(zone), start, end)


def check_duty(text, zone, start, end, other):
    """Who is on call by a calendar is who the library finds in it."""
    wrong = 0
    for use in ("layer", "overrides"):
        for begin, finish, people in json.loads(ours("duty", use, zone, stamp(start), stamp(end), text=text)):
            begin, finish = (dt.datetime.fromisoformat(at) for at in (begin, finish))
            for moment in map(stamp, (begin, finish - dt.timedelta(seconds=1))):
                wrong += {who for first, last, who in other if first <= moment < last} != set(people)
    return wrong


def check_chance(cases, seed):
    wrong, entries = 0, 0
    start, end = dt.datetime(2025, 6, 1, tzinfo=UTC), dt.datetime(2026, 12, 1, tzinfo=UTC)
    for number in range(cases):
        text = a_calendar(random.Random(f"{seed} {number}"))
        mine, problems = our_entries(text, "Europe/Madrid", start, end)
        other = theirs(text, zoneinfo.ZoneInfo("Europe/Madrid"), start, end)
        entries += len(mine)
        if not check_kept(text, "Europe/Madrid", start, end, mine, other):
            print(f"case {number} of seed {seed}: what is kept differs")
            wrong += 1
        if number % 10 == 0 and (differ := check_duty(text, "Europe/Madrid", start, end, other)):
            print(f"case {number} of seed {seed}: {differ} moments of a schedule by it differ")
            wrong += 1
        if problems or mine != other:
            difference(f"case {number} of seed {seed}", mine, other)
            print(*problems, text.decode(), sep="\n")
            wrong += 1
            if wrong == 5:
                break
    print(f"chance: {cases} calendars, {entries} entries, {wrong} differ")
    return wrong


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--cases", type=int, default=500)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    BINARY = options.binary
    now = dt.datetime(2026, 3, 1, 12, tzinfo=UTC)
    wrong = sum(check_feed(schedule, now) for schedule in ("payments", "office", "nights"))
    wrong += sum(check_sample(path) for path in sorted(SAMPLES.glob("*.ics")))
    wrong += check_chance(options.cases, options.seed)
    sys.exit("they differ" if wrong else None)
