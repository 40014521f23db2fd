"""Schedules: the grammar, when they are due, daylight saving in both directions, and what that costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from random import Random
from zoneinfo import ZoneInfo

import pytest

from podium.machinery import cron
from podium.machinery.cron import CronError, Fields, parse

NEW_YORK = "America/New_York"  # 2026: forward on March 8 at 02:00, back on November 1 at 02:00


def at(text: str, zone: tzinfo = UTC) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


def due(schedule: str, after: str, count: int = 1, zone: str = "") -> list[str]:
    """The next times, in UTC."""
    found, moment = [], at(after)
    for _ in range(count):
        upcoming = parse(schedule, zone).next(moment)
        assert upcoming is not None
        assert upcoming > moment
        assert upcoming.tzinfo is UTC
        moment = upcoming
        found.append(f"{moment:%m-%d %H:%M}")
    return found


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-05-01 12:00", "05-01 12:01"),
        ("* * * * *", "2026-05-01 12:00:59.9", "05-01 12:01"),
        ("*/15 * * * *", "2026-05-01 12:50", "05-01 13:00"),
        ("5/20 * * * *", "2026-05-01 12:26", "05-01 12:45"),
        ("10-20/5 * * * *", "2026-05-01 12:20", "05-01 13:10"),
        ("0,30 9-17 * * 1-5", "2026-05-01 17:30", "05-04 09:00"),
        ("0 0 1 * *", "2026-05-01 00:00", "06-01 00:00"),
        ("0 0 1 JAN,jul *", "2026-05-01 00:00", "07-01 00:00"),
        ("0 0 ? * sUn", "2026-05-01 00:00", "05-03 00:00"),
        ("0 0 13 * 5", "2026-05-01 00:00", "05-08 00:00"),  # the 13th or a Friday
        ("0 0 13 * *", "2026-05-01 00:00", "05-13 00:00"),
        ("0 0 */2 * 5", "2026-05-01 00:00", "05-03 00:00"),  # a step is no star: odd days or Fridays
        ("0 0 */1 * 5", "2026-05-01 00:00", "05-08 00:00"),
        ("0 0 29 2 *", "2026-05-01 00:00", "02-29 00:00"),
        ("0 0 31 * *", "2026-05-31 00:00", "07-31 00:00"),
        ("0,,30 * * * *", "2026-05-01 12:00", "05-01 12:30"),
        ("@yearly", "2026-05-01 12:00", "01-01 00:00"),
        ("@annually", "2026-05-01 12:00", "01-01 00:00"),
        ("@monthly", "2026-05-01 12:00", "06-01 00:00"),
        ("@weekly", "2026-05-01 12:00", "05-03 00:00"),
        ("@daily", "2026-05-01 12:00", "05-02 00:00"),
        ("@midnight", "2026-05-01 12:00", "05-02 00:00"),
        ("@hourly", "2026-05-01 12:00", "05-01 13:00"),
        ("@every 90m", "2026-05-01 12:00", "05-01 13:30"),
        ("@every 1h30m", "2026-05-01 12:00", "05-01 13:30"),
        ("@every 1.5h", "2026-05-01 12:00", "05-01 13:30"),
    ],
)
def test_when_it_is_due_next(schedule: str, after: str, expected: str) -> None:
    assert due(schedule, after) == [expected]


def test_every_lasts_a_second_at_least_and_whole_seconds() -> None:
    start = at("2026-05-01 12:00")
    assert parse("@every 10ms").next(start) == start + timedelta(seconds=1)
    assert parse("@every 2500ms").next(start + timedelta(microseconds=7)) == start + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ("", "empty spec string"),
        ("* * * *", "expected exactly 5 fields, found 4: [* * * *]"),
        ("0 * * * * *", "expected exactly 5 fields, found 6: [0 * * * * *]"),
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("* 24 * * *", "end of range (24) above maximum (23): 24"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("* * * 13 *", "end of range (13) above maximum (12): 13"),
        ("* * * * 7", "end of range (7) above maximum (6): 7"),
        ("9-5 * * * *", "beginning of range (9) beyond end of range (5): 9-5"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("*/-2 * * * *", "negative number (-2) not allowed: -2"),
        ("x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'),
        ("1- * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("mon * * * *", 'failed to parse int from mon: strconv.Atoi: parsing "mon": invalid syntax'),
        ("@fortnightly", "unrecognized descriptor: @fortnightly"),
        ("@every", "unrecognized descriptor: @every"),
        ("@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'),
        ("@every 5d", 'failed to parse duration @every 5d: time: unknown unit "d" in duration "5d"'),
        ("@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'),
        ("TZ=UTC * * * * *", "expected exactly 5 fields, found 6: [TZ=UTC * * * * *]"),
    ],
)
def test_what_is_no_schedule(schedule: str, message: str) -> None:
    with pytest.raises(CronError) as refusal:
        parse(schedule)
    assert str(refusal.value) == message


def test_an_unknown_zone() -> None:
    with pytest.raises(cron.UnknownTimeZone, match="unknown time zone Mars/Base"):
        parse("* * * * *", "Mars/Base")


@pytest.mark.parametrize("schedule", ["0 0 31 2 *", "0 0 30 feb *", ", * * * *"])
def test_what_is_never_due(schedule: str) -> None:
    assert parse(schedule).next(at("2026-05-01 12:00")) is None
    assert parse(schedule).latest(at("2020-01-01 00:00"), at("2026-05-01 12:00")) is None


@pytest.mark.parametrize(
    ("schedule", "zone", "after", "expected"),
    [
        # at 09:00 on the wall, whatever the season
        ("0 9 * * *", NEW_YORK, "2026-03-07 12:00", ["03-07 14:00", "03-08 13:00", "03-09 13:00"]),
        ("0 9 * * *", NEW_YORK, "2026-10-31 12:00", ["10-31 13:00", "11-01 14:00", "11-02 14:00"]),
        # 02:30 doesn't exist on March 8
        ("30 2 * * *", NEW_YORK, "2026-03-06 12:00", ["03-07 07:30", "03-09 06:30"]),
        # 01:30 comes twice on November 1
        ("30 1 * * *", NEW_YORK, "2026-10-31 12:00", ["11-01 05:30", "11-01 06:30", "11-02 06:30"]),
        # an hour is an hour: none is left out, none comes twice
        ("0 * * * *", NEW_YORK, "2026-03-08 05:30", ["03-08 06:00", "03-08 07:00", "03-08 08:00"]),
        ("0 * * * *", NEW_YORK, "2026-11-01 04:30", ["11-01 05:00", "11-01 06:00", "11-01 07:00"]),
        # half an hour of daylight saving: back from 02:00 to 01:30 on April 5
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-04 00:00", ["04-04 14:45", "04-04 15:15", "04-05 15:15"]),
        # midnight doesn't exist on October 4, 2026: the clocks go from 24:00 to 01:00
        ("0 0 * * *", "America/Asuncion", "2024-10-04 12:00", ["10-05 04:00", "10-07 03:00"]),
        ("@daily", "Asia/Kolkata", "2026-05-01 12:00", ["05-01 18:30", "05-02 18:30"]),
    ],
)
def test_daylight_saving(schedule: str, zone: str, after: str, expected: list[str]) -> None:
    assert due(schedule, after, len(expected), zone) == expected


def brute_force(schedule: Fields, start: datetime, minutes: int) -> list[datetime]:
    """Look at every single minute."""
    found = []
    for number in range(minutes):
        moment = start + timedelta(minutes=number)
        wall = moment.astimezone(schedule.zone)
        if wall.minute in schedule.minutes and wall.hour in schedule.hours and wall.month in schedule.months:
            day, weekday = wall.day in schedule.days, wall.isoweekday() % 7 in schedule.weekdays
            if (day or weekday) if schedule.either_day else (day and weekday):
                found.append(moment)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_next_and_latest_agree_with_looking_at_every_minute(seed: int) -> None:
    chance = Random(seed)
    zone = chance.choice(["", NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "America/Asuncion"])
    start = at(chance.choice(["2024-03-06", "2024-03-28", "2024-10-03", "2024-10-25", "2024-11-01", "2024-02-27"]))
    minute = chance.choice(["*/7", "0", "30", "59", "15,45"])
    hour = chance.choice(["*", "0-3", "1", "2", "23", "*/5"])
    day = chance.choice([("*", "*"), ("*", "0,6"), ("5-9", "*"), ("28", "mon")])
    schedule = parse(f"{minute} {hour} {day[0]} * {day[1]}", zone)
    assert isinstance(schedule, Fields)
    minutes = 6 * 24 * 60
    expected = brute_force(schedule, start, minutes)
    end = start + timedelta(minutes=minutes - 1)
    found, moment = [], start - timedelta(seconds=1)
    while (upcoming := schedule.next(moment)) is not None and upcoming <= end:
        found.append(upcoming)
        moment = upcoming
    assert found == expected
    for _ in range(40):
        after, until = sorted(start + timedelta(seconds=chance.randrange(minutes * 60)) for _ in range(2))
        between = [moment for moment in expected if after < moment <= until]
        assert schedule.latest(after, until) == (between[-1] if between else None)


def test_every_has_a_latest() -> None:
    schedule, start = parse("@every 7m"), at("2026-05-01 12:00")
    assert schedule.latest(start, start + timedelta(minutes=6)) is None
    assert schedule.latest(start, start + timedelta(minutes=27)) == start + timedelta(minutes=21)


def test_long_spans_cost_little(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leap day is found day by day, and only in its month: not minute by minute."""
    looked: list[date] = []
    original = Fields._matches

    def matches(self: Fields, day: date) -> bool:
        looked.append(day)
        return original(self, day)

    monkeypatch.setattr(Fields, "_matches", matches)
    schedule = parse("0 0 29 2 *", "Europe/Berlin")
    assert schedule.next(at("2024-02-29 12:00")) == at("2028-02-29 00:00", ZoneInfo("Europe/Berlin"))
    assert schedule.latest(at("2020-01-01"), at("2028-02-01")) == at("2024-02-29 00:00", ZoneInfo("Europe/Berlin"))
    assert len(looked) < 300
