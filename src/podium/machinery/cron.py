"""Kubernetes' cron grammar: when a schedule is due. Written by hand: what others accept differs.

Five fields (minute, hour, day of month, month, day of week) of numbers, names, ranges, steps and lists; `@hourly` and
its kin; `@every 90m`. A moment matches if the clock on the wall then shows what the fields say. So what falls into the
hour that daylight saving skips doesn't happen, and what falls into the hour that comes twice happens twice.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

YEARS = 5
"""A schedule that isn't due for so long never is: "0 0 31 2 *"."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_WEEKDAYS = {name: number for number, name in enumerate(("sun", "mon", "tue", "wed", "thu", "fri", "sat"))}
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_NANOSECONDS = {
    "ns": 1,
    "us": 10**3,
    "µs": 10**3,
    "μs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
_DAY = timedelta(days=1)


class CronError(ValueError):
    """The text is no schedule; the message says why."""


class UnknownTimeZone(ValueError):
    """There is no time zone of that name."""


class Schedule(ABC):
    """When something is due. Times are aware; what comes back is in UTC."""

    @abstractmethod
    def next(self, after: datetime) -> datetime | None:
        """The first time after that one; None if there is none in the next years."""

    @abstractmethod
    def latest(self, after: datetime, until: datetime) -> datetime | None:
        """The last time that is after the one and not after the other."""


@dataclass(frozen=True)
class Every(Schedule):
    """At fixed distances from the time that is asked about."""

    seconds: int

    def next(self, after: datetime) -> datetime | None:
        return (after.replace(microsecond=0) + timedelta(seconds=self.seconds)).astimezone(UTC)

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        start = after.replace(microsecond=0)
        times = int((until - start).total_seconds()) // self.seconds
        return (start + timedelta(seconds=times * self.seconds)).astimezone(UTC) if times > 0 else None


@dataclass(frozen=True)
class Fields(Schedule):
    """At the minutes that match; each field is sorted."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool
    """Whether the day of the month or that of the week is enough: neither was `*`."""
    zone: tzinfo

    def next(self, after: datetime) -> datetime | None:
        day = after.astimezone(self.zone).date()
        for candidate in self._dates(day, 1):
            found = min((moment for moment in self._times(candidate, after, True) if moment > after), default=None)
            if found is not None:
                return found
        return None

    def latest(self, after: datetime, until: datetime) -> datetime | None:
        day = until.astimezone(self.zone).date()
        for candidate in self._dates(day, -1):
            found = max((moment for moment in self._times(candidate, until, False) if moment <= until), default=None)
            if found is not None:
                return found if found > after else None
            if candidate < after.astimezone(self.zone).date():
                return None
        return None

    def _dates(self, day: date, step: int) -> Iterator[date]:
        """The days that match, from that one on, forwards or backwards."""
        limit = day.year + step * YEARS
        while (limit - day.year) * step >= 0:
            if day.month not in self.months:
                first = day.replace(day=1)
                day = (first + 31 * _DAY).replace(day=1) if step > 0 else first - _DAY
                continue
            if self._matches(day):
                yield day
            day += step * _DAY

    def _matches(self, day: date) -> bool:
        month_day, weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return month_day or weekday if self.either_day else month_day and weekday

    def _times(self, day: date, near: datetime, forwards: bool) -> Iterable[datetime]:
        """Moments of that day that match: the one that comes next after, or just before, `near`, and perhaps others.

        On a day without a change of the clocks one look is enough. On others, all are looked at: there are few.
        """
        midnight = datetime.combine(day, time(), self.zone)
        if midnight.utcoffset() != (midnight + _DAY).utcoffset():
            return self._all_times(day)
        there = near.astimezone(self.zone).replace(tzinfo=None, fold=0)
        naive = self._after(day, there) if forwards else self._before(day, there)
        return () if naive is None else (naive.replace(tzinfo=self.zone).astimezone(UTC),)

    def _after(self, day: date, near: datetime) -> datetime | None:
        """The first time on that day that is later than `near`."""
        if not self.minutes or not self.hours:
            return None
        if day > near.date():
            return datetime.combine(day, time(self.hours[0], self.minutes[0]))
        for hour in self.hours:
            if hour == near.hour:
                minute = next((minute for minute in self.minutes if minute > near.minute), None)
                if minute is not None:
                    return datetime.combine(day, time(hour, minute))
            elif hour > near.hour:
                return datetime.combine(day, time(hour, self.minutes[0]))
        return None

    def _before(self, day: date, near: datetime) -> datetime | None:
        """The last time on that day that is no later than `near`."""
        if not self.minutes or not self.hours:
            return None
        if day < near.date():
            return datetime.combine(day, time(self.hours[-1], self.minutes[-1]))
        for hour in reversed(self.hours):
            if hour == near.hour:
                minute = next((minute for minute in reversed(self.minutes) if minute <= near.minute), None)
                if minute is not None:
                    return datetime.combine(day, time(hour, minute))
            elif hour < near.hour:
                return datetime.combine(day, time(hour, self.minutes[-1]))
        return None

    def _all_times(self, day: date) -> Iterator[datetime]:
        """Every moment of that day that matches, the skipped ones left out, the repeated ones twice."""
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime.combine(day, time(hour, minute))
                for fold in (0, 1):
                    moment = wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC)
                    if moment.astimezone(self.zone).replace(tzinfo=None, fold=0) == wall:
                        yield moment


def zone(name: str) -> tzinfo:
    """The time zone of that name, UTC if it is empty; UnknownTimeZone."""
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UnknownTimeZone(f"unknown time zone {name}") from None


@lru_cache(maxsize=4096)
def parse(text: str, time_zone: str = "") -> Schedule:
    """The schedule that the text says, on the clocks of that time zone; CronError, UnknownTimeZone."""
    if not text:
        raise CronError("empty spec string")
    where = zone(time_zone)
    if text.startswith("@every "):
        return Every(max(1, _go_duration(text.removeprefix("@every "), text) // 10**9))
    fields = _DESCRIPTORS.get(text, text).split()
    if text.startswith("@") and text not in _DESCRIPTORS:
        raise CronError(f"unrecognized descriptor: {text}")
    if len(fields) != 5:
        raise CronError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, _ = _field(fields[0], 0, 59)
    hours, _ = _field(fields[1], 0, 23)
    days, every_day = _field(fields[2], 1, 31)
    months, _ = _field(fields[3], 1, 12, _MONTHS)
    weekdays, every_weekday = _field(fields[4], 0, 6, _WEEKDAYS)
    return Fields(
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        days=frozenset(days),
        months=frozenset(months),
        weekdays=frozenset(weekdays),
        either_day=not (every_day or every_weekday),
        zone=where,
    )


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> tuple[set[int], bool]:
    """The numbers that a field allows, and whether it is `*`."""
    values: set[int] = set()
    star = False
    for part in filter(None, text.split(",")):
        allowed, is_star = _range(part, low, high, names or {})
        values.update(allowed)
        star = star or is_star
    return values, star


def _range(text: str, low: int, high: int, names: dict[str, int]) -> tuple[range, bool]:
    """`*`, `5`, `1-5`, each perhaps with a step: `*/2`, `1-5/2`, and `5/10`, which is 5 and all tenth after it."""
    bounds, *steps = text.split("/")
    begin, *ends = bounds.split("-")
    if len(steps) > 1:
        raise CronError(f"too many slashes: {text}")
    star = begin in ("*", "?")
    if star:
        first, last = low, high
    else:
        if len(ends) > 1:
            raise CronError(f"too many hyphens: {text}")
        first = _number(begin, names)
        last = _number(ends[0], names) if ends else high if steps else first
    step = _number(steps[0], {}) if steps else 1
    if first < low:
        raise CronError(f"beginning of range ({first}) below minimum ({low}): {text}")
    if last > high:
        raise CronError(f"end of range ({last}) above maximum ({high}): {text}")
    if first > last:
        raise CronError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise CronError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step), star and step == 1


def _number(text: str, names: dict[str, int]) -> int:
    named = names.get(text.lower())
    if named is not None:
        return named
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if len(text) > 18:
        raise CronError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    number = int(text)
    if number < 0:
        raise CronError(f"negative number ({number}) not allowed: {text}")
    return number


def _go_duration(text: str, whole: str) -> int:
    """Nanoseconds: what Go takes for a duration, such as 1h30m or 1.5h."""

    def refuse(why: str) -> CronError:
        return CronError(f"failed to parse duration {whole}: time: {why}")

    sign, rest = (text[:1], text[1:]) if text[:1] in ("+", "-") else ("", text)
    if rest == "0":
        return 0
    total = 0
    while rest or not total:
        number = re.match(r"([0-9]*)(?:\.([0-9]*))?", rest)
        if number is None or not (number[1] or number[2]) or number.end() > 40:
            raise refuse(f'invalid duration "{text}"')
        unit = re.match(r"[^0-9.]*", rest[number.end() :])
        name = unit[0] if unit is not None else ""
        if not name:
            raise refuse(f'missing unit in duration "{text}"')
        if name not in _NANOSECONDS:
            raise refuse(f'unknown unit "{name}" in duration "{text}"')
        fraction = number[2] or ""
        total += int((number[1] or "0") + fraction) * _NANOSECONDS[name] // 10 ** len(fraction)
        rest = rest[number.end() + len(name) :]
        if not rest:
            break
    if total >= 2**63:
        raise refuse(f'invalid duration "{text}"')
    return -total if sign == "-" else total
