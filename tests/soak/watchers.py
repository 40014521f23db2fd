"""What must hold at every change, however late the parts hear of others and whatever fails.

Read from the store's log, in its order. What somebody else did to a Pod just now, a controller can't know: so where it
counts what is broken, what broke within the last moments isn't held against it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from podium.controllers.daemonset.decide import limits as daemon_limits
from podium.controllers.daemonset.pods import target_node
from podium.controllers.deployment import limits
from podium.controllers.job import indexes
from podium.controllers.job.template import FINALIZER
from podium.controllers.pods import is_active, is_finished, is_ready
from podium.controllers.statefulset import identity, rolling
from podium.models import apps_v1, batch_v1, codec, conditions, core_v1, owners, policy_v1, selectors
from podium.store.port import Change
from tests.soak.world import World

MODELS: dict[str, type[Any]] = {
    "pods": core_v1.Pod,
    "nodes": core_v1.Node,
    "resourcequotas": core_v1.ResourceQuota,
    "replicationcontrollers": core_v1.ReplicationController,
    "replicasets.apps": apps_v1.ReplicaSet,
    "deployments.apps": apps_v1.Deployment,
    "statefulsets.apps": apps_v1.StatefulSet,
    "daemonsets.apps": apps_v1.DaemonSet,
    "jobs.batch": batch_v1.Job,
    "poddisruptionbudgets.policy": policy_v1.PodDisruptionBudget,
}
SLACK = 2.0
"""Seconds between a look of a controller and its write, apart from what it hears late."""
CATCH_UP = 10.0
"""Seconds after which controllers that were away, or whose writes failed, know what there is."""


def _is_shut(node: core_v1.Node) -> bool:
    """Whether a DaemonSet waits for it to come back."""
    keys = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
    return any(taint.effect == "NoSchedule" and taint.key in keys for taint in node.spec.taints)


def is_up(pod: core_v1.Pod) -> bool:
    return is_active(pod) and is_ready(pod)


class Watchers:
    def __init__(self, world: World) -> None:
        self.broken: list[str] = []
        self.mine: set[str] = set()
        """The uids of Pods that the test ends itself."""
        self.evicting: set[str] = set()
        """The uids of those that it asked to be evicted."""
        self.counts: defaultdict[str, int] = defaultdict(int)
        """How often each promise was put to the test."""
        self._world = world
        self._window = world.late + SLACK
        self._objects: defaultdict[str, dict[str, Any]] = defaultdict(dict)
        self._pods_of: defaultdict[str, dict[str, core_v1.Pod]] = defaultdict(dict)
        """By the uid of the controller."""
        self._most: dict[str, int | None] = {}
        """By owner: how many Pods it may have; None: any number, until they are as many as it should have."""
        self._scaled: dict[str, float] = {}
        """When it was scaled last."""
        self._went_down: dict[str, float] = {}
        """By the Pod's uid: when it ceased to be up."""
        self._fell: defaultdict[tuple[str, str | int], dict[str, float]] = defaultdict(dict)
        """By the uid of a DaemonSet and a node, or a StatefulSet and an ordinal: the Pods that ceased to be up there
        without its controller's knowing at once, and when."""
        self._steered: dict[str, float] = {}
        """When a Deployment was scaled, paused or resumed last: its ReplicaSets are then sized in other ways."""
        self._took_room: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
        """By the uid of a ReplicaSet: how much of its Deployment's room it took, since when."""
        self._up: list[tuple[float, frozenset[str]]] = []
        """Which Pods were up, since when."""
        self._labels: dict[str, tuple[str, dict[str, str]]] = {}
        """By the uid of every Pod that ever was: its namespace and labels."""
        self._evicted: set[str] = set()
        self._nodes_since: dict[str, float] = {}
        self._nodes_changed: dict[str, float] = {}
        """When each became one on which other Pods may run than before."""
        self._succeeded: defaultdict[str, set[str]] = defaultdict(set)
        world.store.subscribe(self._look)
        world.on_removal.append(self._removed)

    def _say(self, text: str) -> None:
        self.broken.append(f"{self._world.clock.elapsed:.3f}: {text}")

    def _look(self, changes: Sequence[Change]) -> None:
        try:
            self._changed(changes)
        except Exception as problem:  # the store would only log it
            self._say(repr(problem))

    def _changed(self, changes: Sequence[Change]) -> None:
        for change in changes:
            _, kind, key = change.record.key.split("/", 2)
            model = MODELS.get(kind)
            if model is None:
                continue
            old = self._objects[kind].pop(key, None)
            new = None
            if not change.deleted:
                new = self._objects[kind][key] = codec.decode(change.record.value, model)
            check: Callable[[Any, Any], None] | None = getattr(self, "_" + kind.split(".")[0], None)
            if check is not None:
                check(old, new)

    # --- Pods

    def _pods(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        pod = new or old
        assert pod is not None
        now = self._world.clock.elapsed
        self._keep_owners(old, new)
        self._labels[pod.metadata.uid] = (pod.metadata.namespace, pod.metadata.labels)
        was_up, goes_on = old is not None and is_up(old), new is not None and is_up(new)
        begins_to_go = new is not None and new.metadata.deletionTimestamp and old and not old.metadata.deletionTimestamp
        if was_up and not goes_on:
            self._went_down[pod.metadata.uid] = now
            if new is None or not begins_to_go or not self._is_own_doing(new):
                self._fell[self._place(pod)][pod.metadata.uid] = now
        if was_up != goes_on:
            up = {one.metadata.uid for one in self._objects["pods"].values() if is_up(one)}
            self._up.append((now, frozenset(up)))
        if new is not None and old is not None and is_finished(old) and new.status.phase != old.status.phase:
            self._say(f"Pod {pod.metadata.name} had {old.status.phase}, and is {new.status.phase} again")
        if new is None and pod.spec.nodeName in self._world.silent and not is_finished(pod):
            self._say(f"Pod {pod.metadata.name} vanished from {pod.spec.nodeName}, where it may still run")
        if begins_to_go and was_up and new is not None:
            self._goes(new)
        if new is not None and new.status.phase == "Succeeded" and FINALIZER in new.metadata.finalizers:
            reference = owners.controller_of(new)
            if reference is not None:
                self._succeeded[reference.uid].add(new.metadata.uid)
        if new is not None and is_active(new) and (old is None or not is_active(old)):
            self._comes(new)
        self._check_quota(pod.metadata.namespace)

    def _removed(self, part: str, namespace: str, name: str) -> None:
        """Only the node's agent knows when nothing of a Pod runs any more: then it may have a successor."""
        pod: core_v1.Pod | None = self._objects["pods"].get(f"{namespace}/{name}")
        if pod is not None and pod.spec.nodeName not in ("", part) and not is_finished(pod):
            self._say(f"{part} removed Pod {name}, which may still run on {pod.spec.nodeName}")

    def _keep_owners(self, old: core_v1.Pod | None, new: core_v1.Pod | None) -> None:
        for pod in (old, new):
            reference = None if pod is None else owners.controller_of(pod)
            if pod is not None and reference is not None:
                there = self._pods_of[reference.uid]
                there.pop(pod.metadata.uid, None)
                if pod is new:
                    there[pod.metadata.uid] = pod

    def _owner(self, owned: core_v1.Pod | apps_v1.ReplicaSet, kind: str) -> Any:
        """The object that controls it, if it is of that kind and there to stay."""
        reference = owners.controller_of(owned)
        if reference is None:
            return None
        found = self._objects[kind].get(f"{owned.metadata.namespace}/{reference.name}")
        if found is None or found.metadata.uid != reference.uid or found.metadata.deletionTimestamp is not None:
            return None
        return found

    def _active(self, uid: str) -> list[core_v1.Pod]:
        return [pod for pod in self._pods_of[uid].values() if is_active(pod)]

    def _comes(self, pod: core_v1.Pod) -> None:
        """There is one more Pod: is it one too many?"""
        if (job := self._owner(pod, "jobs.batch")) is not None:
            active = self._active(job.metadata.uid)
            self.counts["Job parallelism"] += 1
            if len(active) > (job.spec.parallelism or 0):
                self._say(f"Job {job.metadata.name} has {len(active)} active Pods")
            taken = [index for one in active if (index := indexes.of_pod(one)) is not None]
            if len(taken) != len(set(taken)):
                self._say(f"Job {job.metadata.name}: indexes {sorted(taken)}")
        if (daemons := self._owner(pod, "daemonsets.apps")) is not None:
            there = [one for one in self._active(daemons.metadata.uid) if target_node(one) == target_node(pod)]
            self.counts["DaemonSet Pods of a node"] += 1
            if len(there) > 1 + bool(daemon_limits(daemons, len(self._world.nodes))[0]):
                self._say(f"{target_node(pod)} has {len(there)} Pods of DaemonSet {daemons.metadata.name}")
        for kind in ("replicasets.apps", "replicationcontrollers"):
            if (owner := self._owner(pod, kind)) is not None:
                self._check_most(owner, owner.spec.replicas or 0, len(self._active(owner.metadata.uid)))
        if (deployment := self._deployment(pod)) is not None:
            self._check_most(deployment, limits.max_total(deployment), len(self._pods_of_deployment(deployment)))

    def _deployment(self, pod: core_v1.Pod) -> Any:
        replica_set = self._owner(pod, "replicasets.apps")
        return None if replica_set is None else self._owner(replica_set, "deployments.apps")

    def _sets_of(self, deployment: apps_v1.Deployment) -> list[apps_v1.ReplicaSet]:
        return [
            one
            for one in self._objects["replicasets.apps"].values()
            if (reference := owners.controller_of(one)) is not None and reference.uid == deployment.metadata.uid
        ]

    def _pods_of_deployment(self, deployment: apps_v1.Deployment) -> list[core_v1.Pod]:
        return [pod for one in self._sets_of(deployment) for pod in self._active(one.metadata.uid)]

    def _check_most(self, owner: Any, wanted: int, active: int) -> None:
        """Scaled down, it may have as many as before until it has as few as wanted, and has heard of it."""
        uid = owner.metadata.uid
        most = self._most.get(uid, wanted)
        if active <= wanted and self._scaled.get(uid, -1e9) < self._blind_since():
            most = wanted
        if most is not None:
            most = max(most, wanted)
            self.counts[f"{type(owner).__name__} most"] += 1
            if active > most:
                self._say(f"{type(owner).__name__} {owner.metadata.name}: {active} Pods, more than {most}")
        self._most[uid] = most

    def _scaled_or_adopts(self, old: Any, new: Any, most: Callable[[Any], int]) -> None:
        """Whoever adopts may begin with too many."""
        if new is None or old is None or old.metadata.uid != new.metadata.uid:
            return
        uid = new.metadata.uid
        if owners.controller_of(old) != owners.controller_of(new):
            self._most[uid] = None
        elif most(old) != most(new):
            self._scaled[uid] = self._world.clock.elapsed
            before = self._most.get(uid, most(old))
            self._most[uid] = None if before is None else max(before, most(old))

    def _deployments(self, old: Any, new: Any) -> None:
        self._scaled_or_adopts(old, new, limits.max_total)
        if new is not None and (
            old is None or (old.spec.replicas, old.spec.paused) != (new.spec.replicas, new.spec.paused)
        ):
            self._steered[new.metadata.uid] = self._world.clock.elapsed

    def _replicationcontrollers(self, old: Any, new: Any) -> None:
        self._scaled_or_adopts(old, new, lambda one: one.spec.replicas or 0)

    def _replicasets(self, old: Any, new: Any) -> None:
        self._replicationcontrollers(old, new)
        reference = None if new is None else owners.controller_of(new)
        if reference is not None and old is not None and owners.controller_of(old) is None:
            self._most[reference.uid] = None
        if new is not None:
            self._took_room[new.metadata.uid].append((self._world.clock.elapsed, self._room_of(new)))
            if (new.spec.replicas or 0) > (0 if old is None else old.spec.replicas or 0):
                self._grows(new)

    def _grows(self, replica_set: apps_v1.ReplicaSet) -> None:
        """A rollout gives a ReplicaSet more Pods: only once the others have ended as many as they were told to."""
        deployment = self._owner(replica_set, "deployments.apps")
        if deployment is None or deployment.spec.paused or not limits.is_rolling(deployment):
            return
        uid = deployment.metadata.uid
        if self._most.get(uid, 0) is None or self._steered[uid] > self._blind_since():
            return
        others = [one for one in self._sets_of(deployment) if one.metadata.uid != replica_set.metadata.uid]
        room = limits.max_total(deployment) - sum(self._took_at_least(one.metadata.uid) for one in others)
        self.counts["Deployment room"] += 1
        if (replica_set.spec.replicas or 0) > room:
            self._say(f"{replica_set.metadata.name} is to have {replica_set.spec.replicas} Pods, room is for {room}")

    @staticmethod
    def _room_of(replica_set: apps_v1.ReplicaSet) -> int:
        """The Pods that it is to have, or says that it still has."""
        return max(replica_set.spec.replicas or 0, replica_set.status.replicas)

    def _took_at_least(self, uid: str) -> int:
        """How much room a ReplicaSet took within the last moments."""
        since, took = self._world.clock.elapsed - self._window, self._took_room[uid]
        while len(took) > 1 and took[1][0] < since:
            took.pop(0)
        return min(room for _, room in took)

    # --- who may take a Pod that is up

    def _goes(self, new: core_v1.Pod) -> None:
        """A Pod that is up begins to go."""
        condition = conditions.get(new.status.conditions, "DisruptionTarget")
        if new.metadata.uid in self.evicting and condition and condition.reason == "EvictionByEvictionAPI":
            self._evicted.add(new.metadata.uid)
            self._was_evicted(new)
        if new.metadata.uid in self.mine | self.evicting:
            return
        if (daemons := self._owner(new, "daemonsets.apps")) is not None:
            self._taken_from_node(daemons, new)
        if (stateful := self._owner(new, "statefulsets.apps")) is not None:
            self._taken_from_set(stateful, new)

    @staticmethod
    def _place(pod: core_v1.Pod) -> tuple[str, str | int]:
        """Whose Pod it is, and which of them."""
        reference = owners.controller_of(pod)
        uid, kind = ("", "") if reference is None else (reference.uid, reference.kind)
        return uid, identity.ordinal_of(pod) if kind == "StatefulSet" else target_node(pod)

    def _is_own_doing(self, pod: core_v1.Pod) -> bool:
        """Whether it was its controller that deleted it, and no answer can have been lost: it knows of that."""
        others = pod.metadata.uid in self.mine | self.evicting or conditions.get(
            pod.status.conditions, "DisruptionTarget"
        )
        return not others and self._blind_since() >= self._world.clock.elapsed - self._window

    def _broke_lately(self, uid: str, place: str | int, besides: core_v1.Pod) -> bool:
        """Whether some other Pod was up there just now, so that the controller may still think so."""
        since = self._world.clock.elapsed - self._window
        return any(when > since and one != besides.metadata.uid for one, when in self._fell[uid, place].items())

    def _taken_from_node(self, daemons: apps_v1.DaemonSet, pod: core_v1.Pod) -> None:
        now = self._world.clock.elapsed
        if self._nodes_since.get(target_node(pod), now) > now - 60:
            return  # what was on a node that is gone goes, too, even if it has come again
        open_ = {name for name, node in self._objects["nodes"].items() if not _is_shut(node)}
        known = {name for name in open_ if self._nodes_changed[name] <= now - self._window}
        down = known - {target_node(one) for one in self._pods_of[daemons.metadata.uid].values() if is_up(one)}
        if target_node(pod) not in down:
            return
        down = {node for node in down if not self._broke_lately(daemons.metadata.uid, node, pod)}
        self.counts["DaemonSet maxUnavailable"] += 1
        if len(down) > daemon_limits(daemons, len(open_))[1]:
            self._say(f"DaemonSet {daemons.metadata.name} took {pod.metadata.name}: {sorted(down)} are down")

    def _taken_from_set(self, stateful: apps_v1.StatefulSet, pod: core_v1.Pod) -> None:
        first = identity.start(stateful)
        replicas = min(stateful.spec.replicas or 0, self._before_scaling(stateful.metadata.uid))
        wanted = range(first, first + replicas)
        if identity.ordinal_of(pod) not in wanted:
            return
        pods = self._pods_of[stateful.metadata.uid].values()
        down = set(wanted) - {identity.ordinal_of(one) for one in pods if is_up(one)}
        down = {ordinal for ordinal in down if not self._broke_lately(stateful.metadata.uid, ordinal, pod)}
        self.counts["StatefulSet maxUnavailable"] += 1
        if len(down) > rolling.max_unavailable(stateful):
            self._say(f"StatefulSet {stateful.metadata.name} took {pod.metadata.name}: {sorted(down)} are down")

    def _nodes(self, old: core_v1.Node | None, new: core_v1.Node | None) -> None:
        if new is not None and old is None:
            self._nodes_since[new.metadata.name] = self._world.clock.elapsed
        if new is not None and (old is None or old.spec.taints != new.spec.taints):
            self._nodes_changed[new.metadata.name] = self._world.clock.elapsed

    def _statefulsets(self, old: Any, new: Any) -> None:
        if old is not None and new is not None and old.spec.replicas != new.spec.replicas:
            uid = new.metadata.uid
            least = min(old.spec.replicas or 0, self._before_scaling(uid))
            self._scaled[uid], self._most[uid] = self._world.clock.elapsed, least

    def _before_scaling(self, uid: str) -> int:
        """How many a StatefulSet wanted at least, as far as its controller may not have heard of the change."""
        if self._scaled.get(uid, -1e9) < self._world.clock.elapsed - self._window:
            return sys.maxsize
        return self._most[uid] or 0

    # --- budgets

    def _blind_since(self) -> float:
        """What happened since then, a controller needn't know."""
        since = self._world.clock.elapsed - self._window
        for began, ended in reversed(self._world.impaired):
            if ended + CATCH_UP >= since:
                since = min(since, began - self._window)
        return since

    def _budgets_of(self, pod: core_v1.Pod) -> list[policy_v1.PodDisruptionBudget]:
        budgets = self._objects["poddisruptionbudgets.policy"].values()
        return [budget for budget in budgets if self._is_for(budget, pod.metadata.uid)]

    def _is_for(self, budget: policy_v1.PodDisruptionBudget, uid: str) -> bool:
        namespace, labels = self._labels[uid]
        return namespace == budget.metadata.namespace and selectors.compile(budget.spec.selector).matches(labels)

    def _was_evicted(self, pod: core_v1.Pod) -> None:
        """It was up. What is left up, and what broke unbeknown to the budget's controller, is what is promised."""
        for budget in self._budgets_of(pod):
            self.counts["PDB evictions"] += 1
            if pod.metadata.name not in budget.status.disruptedPods:
                self._say(f"{pod.metadata.name} was evicted and the budget {budget.metadata.name} wasn't asked")
            up = [uid for uid in self._up[-1][1] if self._is_for(budget, uid)]
            since = self._blind_since()
            broke = [
                uid
                for uid, when in self._went_down.items()
                if when > since and uid not in up and uid not in self._evicted and self._is_for(budget, uid)
            ]
            desired = budget.status.desiredHealthy or 0
            if len(up) + len(broke) < desired:
                self._say(f"{pod.metadata.name} was evicted: {len(up)} left, {len(broke)} broke, {desired} promised")

    def _poddisruptionbudgets(self, old: Any, new: policy_v1.PodDisruptionBudget | None) -> None:
        """What the controller says was so a moment ago."""
        if new is None or new.status.observedGeneration is None:
            return
        status = new.status
        allowed, healthy, desired = (
            status.disruptionsAllowed or 0,
            status.currentHealthy or 0,
            status.desiredHealthy or 0,
        )
        if allowed < 0 or allowed > max(0, healthy - desired):
            self._say(f"budget {new.metadata.name} allows {allowed} of {healthy}, desired {desired}")
        if old is None or old.status.currentHealthy == status.currentHealthy:
            return
        self.counts["PDB counts"] += 1
        since = self._world.clock.elapsed - self._window
        seen = [up for number, (_, up) in enumerate(self._up) if self._until(number) >= since]
        most = max((sum(self._is_for(new, uid) for uid in up) for up in seen), default=0)
        if healthy > most:
            self._say(f"budget {new.metadata.name} says {healthy} are healthy, there were {most}")

    def _until(self, number: int) -> float:
        """When what was up at that place of the list ceased to be all that is up."""
        return self._up[number + 1][0] if number + 1 < len(self._up) else self._world.clock.elapsed

    # --- Jobs and quotas

    def _jobs(self, old: batch_v1.Job | None, new: batch_v1.Job | None) -> None:
        if old is None or new is None or old.metadata.uid != new.metadata.uid:
            return
        for name in ("succeeded", "failed"):
            before, after = getattr(old.status, name) or 0, getattr(new.status, name) or 0
            if after < before:
                self._say(f"Job {new.metadata.name}: {name} fell from {before} to {after}")
        counted, there = new.status.succeeded or 0, len(self._succeeded[new.metadata.uid])
        self.counts["Job completions"] += 1
        if counted > there:
            self._say(f"Job {new.metadata.name} counted {counted}, {there} succeeded")

    def _check_quota(self, namespace: str) -> None:
        """A Pod that has ended, or should have long ago (its node is lost), doesn't count."""
        for quota in self._objects["resourcequotas"].values():
            if quota.metadata.namespace != namespace or "pods" not in quota.spec.hard:
                continue
            pods = [pod for pod in self._objects["pods"].values() if pod.metadata.namespace == namespace]
            there = [pod for pod in pods if not is_finished(pod) and not self._is_overdue(pod)]
            self.counts["quota"] += 1
            if len(there) > quota.spec.hard["pods"].value:
                self._say(f"quota {quota.metadata.name}: {len(there)} Pods")

    def _is_overdue(self, pod: core_v1.Pod) -> bool:
        gone = pod.metadata.deletionTimestamp
        grace = timedelta(seconds=pod.metadata.deletionGracePeriodSeconds or 0)
        return gone is not None and self._world.clock.now() > gone + grace
