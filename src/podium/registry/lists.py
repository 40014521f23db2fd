"""Lists: selection, pages, and the revisions that a client may ask for (API concepts: resource versions, chunks)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from podium.machinery import errors, field
from podium.machinery.errors import FieldError
from podium.models import meta_v1
from podium.models.numbers import natural
from podium.registry import continuation
from podium.registry.core import Core, unavailable
from podium.registry.resources import Resource
from podium.registry.selection import Selection
from podium.registry.storage import Collection
from podium.registry.types import Entry, Listing, ListOptions
from podium.store.port import Compacted, FutureRevision, Record, StoreFailed

TOO_OLD = "The resourceVersion for the provided list is too old."
PATIENCE = 3.0
"""Seconds that a list waits for a revision that this server hasn't seen yet."""
_PAGE = 1000
_KEY = attrgetter("key")


async def list_(core: Core, res: Resource, namespace: str, options: ListOptions) -> Listing:
    core.check()
    wrong = option_errors(options)
    if wrong:
        raise errors.Invalid("ListOptions.meta.k8s.io", "", wrong)
    selection = Selection(res, namespace, options.label_selector, options.field_selector)
    collection = core.live(res)
    collection.check_readable(selection.namespace, selection.name)
    if options.continue_:
        return await _continued(core, collection, selection, options)
    asked = revision_number(options.resource_version)
    if asked:
        await wait_for(core, asked)
    exact = options.resource_version_match == "Exact" or (
        options.limit > 0 and asked > 0 and not options.resource_version_match
    )
    if exact and collection.revision > asked:
        return await _as_of(core, collection, selection, options, asked, "")
    return _current(core, collection, selection, options, asked if exact else core.revision, "")


def option_errors(options: ListOptions) -> list[FieldError]:
    found: list[FieldError] = []
    match, path = options.resource_version_match, "resourceVersionMatch"
    if match:
        if not options.resource_version:
            why = "resourceVersionMatch is forbidden unless resourceVersion is provided"
            found.append(field.forbidden(path, why))
        if options.continue_:
            found.append(field.forbidden(path, "resourceVersionMatch is forbidden when continue is provided"))
        if match not in ("Exact", "NotOlderThan"):
            found.append(field.not_supported(path, match, ("Exact", "NotOlderThan", "")))
        if match == "Exact" and options.resource_version == "0":
            why = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
            found.append(field.forbidden(path, why))
    return found


def revision_number(text: str) -> int:
    """A resourceVersion as a number; "" is 0."""
    number = natural(text or "0", 2**64 - 1)
    if number is None:
        why = "value out of range" if text.isascii() and text.isdigit() else "invalid syntax"
        raise errors.BadRequest(
            f"Invalid value: {field.quote(text)}: strconv.ParseUint: parsing {field.quote(text)}: {why}"
        )
    return number


class TooLargeResourceVersion(errors.Timeout):
    """A revision was asked for that this server doesn't know."""

    def __init__(self, asked: int, current: int) -> None:
        causes = (meta_v1.StatusCause(reason="ResourceVersionTooLarge", message="Too large resource version"),)
        super().__init__(
            f"Too large resource version: {asked}, current: {current}",
            details=meta_v1.StatusDetails(causes=causes),
            retry_after=1,
        )


async def wait_for(core: Core, revision: int) -> None:
    """Return when the revision is known; give up after some seconds."""
    if revision <= core.revision:
        return
    reached = core.reaching(revision)

    def give_up() -> None:
        if not reached.done():
            reached.set_exception(TooLargeResourceVersion(revision, core.revision))

    timer = core.clock.call_later(PATIENCE, give_up)
    try:
        await reached
    finally:
        timer.cancel()


def _current(
    core: Core, collection: Collection, selection: Selection, options: ListOptions, revision: int, after: str
) -> Listing:
    """From memory, which shows the revision asked for."""
    entries = sorted(selection.candidates(collection), key=_KEY)
    if after:
        entries = [entry for entry in entries if entry.key > after]
    if selection.filtered:
        entries = [entry for entry in entries if selection.covers(collection, entry)]
    return _page(collection, selection, entries, options.limit, revision)


def _page(collection: Collection, selection: Selection, entries: Sequence[Entry], limit: int, revision: int) -> Listing:
    if not limit or len(entries) <= limit:
        return Listing(entries, revision)
    page = entries[:limit]
    token = continuation.encode(page[-1].key[len(collection.prefix) :], revision)
    return Listing(page, revision, token, None if selection.filtered else len(entries) - limit)


async def _as_of(
    core: Core, collection: Collection, selection: Selection, options: ListOptions, revision: int, after: str
) -> Listing:
    """As things were at a revision, from the store. Reads in pages until enough is selected."""
    if revision < collection.readable_since:
        raise _expired(collection, after, bool(options.continue_))
    prefix = collection.prefix + (f"{selection.namespace}/" if selection.namespace else "")
    found: list[Entry] = []
    while True:
        try:
            page = await core.store.list(
                prefix, after=after, limit=max(options.limit, _PAGE) if options.limit else 0, revision=revision
            )
        except Compacted:
            raise _expired(collection, after, bool(options.continue_)) from None
        except FutureRevision as future:
            raise TooLargeResourceVersion(revision, future.current) from None
        except StoreFailed as failure:
            raise unavailable(failure) from failure
        found += [entry for entry in _entries(collection, page.records) if selection.covers(collection, entry)]
        if not page.remaining:
            return _page(collection, selection, found, options.limit, revision)
        if options.limit and len(found) > options.limit:
            listing = _page(collection, selection, found, options.limit, revision)
            more = None if selection.filtered else (listing.remaining or 0) + page.remaining
            return Listing(listing.entries, revision, listing.continue_, more)
        after = page.records[-1].key


def _entries(collection: Collection, records: Iterable[Record]) -> Iterable[Entry]:
    for record in records:
        live = collection.entries.get(record.key)
        if live is not None and live.revision == record.revision:
            yield live
        else:
            data = collection.wire.splice(record.value, record.revision)
            yield Entry(record.key, record.revision, data, collection.model)


async def _continued(core: Core, collection: Collection, selection: Selection, options: ListOptions) -> Listing:
    if options.resource_version not in ("", "0"):
        raise errors.BadRequest("specifying resource version is not allowed when using continue")
    start, revision = continuation.decode(options.continue_)
    after = collection.prefix + start
    if revision < 0:  # the client has been told that what follows is not of the same moment
        return _current(core, collection, selection, options, core.revision, after)
    if collection.revision <= revision <= core.revision:
        return _current(core, collection, selection, options, revision, after)
    return await _as_of(core, collection, selection, options, revision, after)


def _expired(collection: Collection, after: str, continued: bool) -> errors.Expired:
    if not continued:
        return errors.Expired(TOO_OLD)
    return continuation.ContinueExpired(continuation.encode(after[len(collection.prefix) :], -1))
