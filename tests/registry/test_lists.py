"""Lists: selection, order, pages, and the revisions that may be asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from podium.machinery import errors
from podium.models import core_v1, resource_v1
from podium.registry import continuation, lists
from podium.registry.types import ListOptions
from tests.registry.world import World, changed, config_map, meta, pod

CM = core_v1.ConfigMap


@pytest.fixture
def letters(world: World) -> World:
    for name in ("c", "a", "e", "b", "d"):
        made = config_map(name)
        made.metadata.labels = {"vowel": "yes"} if name in "ae" else {}
        world.create(made)
    world.create(config_map("z", "other"))
    return world


def test_in_the_order_of_namespaces_and_names(letters: World) -> None:
    assert letters.names(CM) == ["a", "b", "c", "d", "e", "z"]
    assert letters.names(CM, "default") == ["a", "b", "c", "d", "e"]


def test_a_list_has_a_revision_even_when_empty(world: World) -> None:
    listing = world.list(core_v1.Secret)
    assert listing.entries == []
    assert listing.revision == world.registry.revision > 0


SELECTORS: list[tuple[dict[str, str], list[str]]] = [
    ({"label_selector": "vowel=yes"}, ["a", "e"]),
    ({"label_selector": "!vowel"}, ["b", "c", "d", "z"]),
    ({"field_selector": "metadata.name=b"}, ["b"]),
    ({"field_selector": "metadata.name!=b,metadata.namespace=default"}, ["a", "c", "d", "e"]),
    ({"field_selector": "metadata.namespace=other"}, ["z"]),
    ({"field_selector": "metadata.name=z,metadata.namespace=default"}, []),
    ({"field_selector": "metadata.name=a", "label_selector": "vowel=yes"}, ["a"]),
]


@pytest.mark.parametrize(("options", "names"), SELECTORS)
def test_selectors(letters: World, options: dict[str, str], names: list[str]) -> None:
    assert letters.names(CM, **options) == names


def test_a_selector_on_another_namespace_than_the_requests_finds_nothing(letters: World) -> None:
    assert letters.names(CM, "default", field_selector="metadata.namespace=other") == []


def test_fields_of_pods(world: World) -> None:
    world.create(pod("a", nodeName="n1"))
    world.create(pod("b", hostNetwork=True))
    world.update(changed(world.get(core_v1.Pod, "a"), status__phase="Running", status__podIP="1.2.3.4"), "status")
    for selector, names in {
        "spec.nodeName=n1": ["a"],
        "spec.nodeName=": ["b"],
        "status.phase=Running": ["a"],
        "status.phase!=Running": ["b"],
        "status.podIP=1.2.3.4": ["a"],
        "spec.hostNetwork=true": ["b"],
        "spec.serviceAccountName=default": ["a", "b"],
    }.items():
        assert world.names(core_v1.Pod, field_selector=selector) == names, selector


def test_fields_of_resource_slices(world: World) -> None:
    pool = resource_v1.ResourcePool(name="p", resourceSliceCount=1)
    for name, node in (("a", "n1"), ("b", "n2")):
        spec = resource_v1.ResourceSliceSpec(driver=f"{name}.example.com", nodeName=node, pool=pool)
        world.create(resource_v1.ResourceSlice(metadata=meta(name, ""), spec=spec))
    for selector, names in (("spec.nodeName=n1", ["a"]), ("spec.driver=b.example.com,spec.nodeName=n2", ["b"])):
        assert world.names(resource_v1.ResourceSlice, field_selector=selector) == names


def test_fields_of_events(world: World) -> None:
    involved = core_v1.ObjectReference(kind="Pod", name="web", namespace="default", uid="u")
    source = core_v1.EventSource(component="kubelet")
    event = core_v1.Event(metadata=meta("e"), involvedObject=involved, reason="Started", type="Normal", source=source)
    world.create(event)
    for selector in (
        "involvedObject.kind=Pod",
        "involvedObject.name=web,involvedObject.uid=u",
        "reason=Started",
        "type=Normal",
        "source=kubelet",
    ):
        assert world.names(core_v1.Event, field_selector=selector) == ["e"], selector
        assert world.names(core_v1.Event, field_selector=selector.replace("=", "!=", 1)) == [], selector


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (CM, '"spec.x" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        (core_v1.Pod, "field label not supported: spec.x"),
    ],
)
def test_unknown_fields(world: World, model: type[Any], message: str) -> None:
    with pytest.raises(errors.BadRequest) as caught:
        world.list(model, field_selector="spec.x=1")
    assert caught.value.message == message


def test_a_bad_label_selector(world: World) -> None:
    with pytest.raises(errors.BadRequest, match="unable to parse requirement"):
        world.list(CM, label_selector="a in b")


def pages(world: World, limit: int, between: Any = None, **options: Any) -> list[list[str]]:
    """The names on each page; `between` runs after the first."""
    found, token = [], ""
    while True:
        listing = world.list(CM, "default", limit=limit, continue_=token, **options)
        found.append([entry.object.metadata.name for entry in listing.entries])
        token = listing.continue_
        if between:
            between()
            between = None
        if not token:
            return found


class TestPages:
    def test_all_come_once(self, letters: World) -> None:
        assert pages(letters, 2) == [["a", "b"], ["c", "d"], ["e"]]
        assert pages(letters, 5) == [["a", "b", "c", "d", "e"]]

    def test_how_many_remain_is_said(self, letters: World) -> None:
        first = letters.list(CM, "default", limit=2)
        assert first.remaining == 3
        assert letters.list(CM, "default", limit=2, continue_=first.continue_).remaining == 1
        assert letters.list(CM, "default", limit=5).remaining is None

    def test_with_selectors_it_is_not_known(self, letters: World) -> None:
        listing = letters.list(CM, "default", limit=1, label_selector="vowel")
        assert listing.remaining is None
        assert listing.continue_
        assert pages(letters, 1, label_selector="vowel") == [["a"], ["e"]]

    def test_they_show_one_moment(self, letters: World) -> None:
        def change() -> None:
            letters.delete(CM, "c")
            letters.create(config_map("cc"))
            letters.update(config_map("d", x="new"))

        first = letters.list(CM, "default", limit=2)
        change()
        second = letters.list(CM, "default", limit=2, continue_=first.continue_)
        assert second.revision == first.revision
        assert [entry.object.metadata.name for entry in second.entries] == ["c", "d"]
        assert second.entries[1].object.data == {}
        assert second.remaining == 1

    def test_with_selectors_too(self, letters: World) -> None:
        found = pages(letters, 1, lambda: letters.delete(CM, "e"), label_selector="vowel")
        assert found == [["a"], ["e"]]

    def test_an_earlier_moment_in_pages(self, letters: World, monkeypatch: pytest.MonkeyPatch) -> None:
        """Reads of the store are in pages of their own, which need not be those that the client asked for."""
        monkeypatch.setattr(lists, "_PAGE", 2)
        first = letters.list(CM, limit=1, label_selector="!vowel")
        for name in "abcde":
            letters.delete(CM, name)
        found, token = [], first.continue_
        while token:
            listing = letters.list(CM, limit=1, label_selector="!vowel", continue_=token)
            found += [entry.object.metadata.name for entry in listing.entries]
            token = listing.continue_
        assert found == ["c", "d", "z"]

    def test_a_compacted_moment_can_be_left(self, letters: World) -> None:
        first = letters.list(CM, "default", limit=2)
        letters.delete(CM, "c")
        letters.create(config_map("dd"))
        letters.run(letters.store.compact(letters.registry.revision))
        with pytest.raises(errors.Expired) as caught:
            letters.list(CM, "default", limit=2, continue_=first.continue_)
        status = caught.value.status()
        assert status.code == 410
        assert status.reason == "Expired"
        assert "inconsistent list" in (status.message or "")
        rest = letters.list(CM, "default", limit=10, continue_=status.metadata.continue_)
        assert [entry.object.metadata.name for entry in rest.entries] == ["d", "dd", "e"]
        assert rest.revision == letters.registry.revision

    @pytest.mark.parametrize(
        "token", ["!", "abc", continuation.encode("", 5)[:-6], continuation.encode("default/a", 0)]
    )
    def test_a_token_that_is_none(self, world: World, token: str) -> None:
        with pytest.raises(errors.BadRequest, match="continue key is not valid"):
            world.list(CM, continue_=token)

    def test_a_token_goes_without_revision(self, letters: World) -> None:
        token = letters.list(CM, limit=1).continue_
        with pytest.raises(errors.BadRequest, match="specifying resource version is not allowed when using continue"):
            letters.list(CM, continue_=token, resource_version="5")


FORBIDDEN = [
    ({"resource_version_match": "Exact"}, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
    (
        {"resource_version_match": "Exact", "resource_version": "0"},
        'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ),
    (
        {"resource_version_match": "About", "resource_version": "1"},
        'resourceVersionMatch: Unsupported value: "About": supported values: "Exact", "NotOlderThan", ""',
    ),
    (
        {"resource_version_match": "Exact", "resource_version": "1", "continue_": "x"},
        "resourceVersionMatch is forbidden when continue is provided",
    ),
]


@pytest.mark.parametrize(("options", "message"), FORBIDDEN)
def test_options(world: World, options: dict[str, str], message: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        world.list(CM, **options)
    assert caught.value.message.startswith('ListOptions.meta.k8s.io "" is invalid')
    assert message in caught.value.message


class TestRevisions:
    def test_exactly(self, letters: World) -> None:
        then = letters.registry.revision
        letters.delete(CM, "a")
        letters.update(config_map("b", x="1"))
        listing = letters.list(CM, "default", resource_version=str(then), resource_version_match="Exact")
        assert [entry.object.metadata.name for entry in listing.entries] == ["a", "b", "c", "d", "e"]
        assert listing.revision == then
        assert b'"resourceVersion":"%d"' % listing.entries[1].revision in listing.entries[1].data
        assert listing.entries[1].object.data == {}

    def test_a_limit_makes_it_exact(self, letters: World) -> None:
        then = letters.registry.revision
        letters.delete(CM, "a")
        assert letters.names(CM, "default", resource_version=str(then), limit=1) == ["a"]

    def test_not_older(self, letters: World) -> None:
        then = letters.registry.revision
        letters.delete(CM, "a")
        listing = letters.list(CM, "default", resource_version=str(then), resource_version_match="NotOlderThan")
        assert listing.revision == letters.registry.revision
        assert len(listing.entries) == 4

    def test_compacted(self, letters: World) -> None:
        then = letters.registry.revision
        letters.delete(CM, "a")
        letters.run(letters.store.compact(letters.registry.revision))
        with pytest.raises(errors.Expired) as caught:
            letters.list(CM, resource_version=str(then), resource_version_match="Exact")
        assert caught.value.message == "The resourceVersion for the provided list is too old."

    def test_a_future_one_is_waited_for(self, world: World) -> None:
        async def scenario() -> int:
            res = world.row(CM)
            options = ListOptions(resource_version=str(world.registry.revision + 1))
            listing = asyncio.ensure_future(world.registry.list(res, "", options))
            await world.clock.sleep(1)
            assert not listing.done()
            await world.do_create(config_map("a"))
            return len((await listing).entries)

        assert world.run(scenario()) == 1

    def test_but_not_for_ever(self, world: World) -> None:
        begun = world.clock.monotonic()
        current = world.registry.revision
        with pytest.raises(errors.Timeout) as caught:
            world.list(CM, resource_version=str(current + 1))
        status = caught.value.status()
        assert status.message == f"Too large resource version: {current + 1}, current: {current}"
        assert status.details is not None
        assert status.details.causes[0].reason == "ResourceVersionTooLarge"
        assert status.details.retryAfterSeconds == 1
        assert 2.9 < world.clock.monotonic() - begun < 3.1

    def test_no_number(self, world: World) -> None:
        with pytest.raises(errors.BadRequest, match="invalid syntax"):
            world.list(CM, resource_version="abc")
        for text in (str(2**64), "9" * 5000):
            with pytest.raises(errors.BadRequest, match="value out of range"):
                world.list(CM, resource_version=text)


def test_objects_are_shared_not_decoded_again(world: World) -> None:
    made = world.create(config_map("a"))
    assert world.list(CM).entries[0].object is made
    assert world.get(CM, "a") is made
