"""Jobs and CronJobs, as typed: with stock kubectl and with podium."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from tests.e2e.cluster import Server, server

pytestmark = pytest.mark.e2e
EVENTS = "/api/v1/namespaces/default/events"
DRIVERS = pytest.mark.parametrize("program", ["kubectl", "podium"])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with server(tmp_path_factory.mktemp("jobs"), runtime="simulated", nodes=1) as started:
        yield started


@DRIVERS
def test_a_cron_job_is_run_by_hand(cluster: Server, program: str) -> None:
    run = cluster.driver(program)
    nightly, by_hand = f"nightly-{program}", f"by-hand-{program}"
    run(f"create cronjob {nightly} --image=busybox --schedule='0 3 31 12 *' -- sleep 1")
    run(f"create job {by_hand} --from=cronjob/{nightly}")
    run(f"wait job/{by_hand} --for=condition=Complete --timeout=120s")
    metadata = json.loads(run(f"get job {by_hand} -o json"))["metadata"]
    assert metadata["annotations"] == {"cronjob.kubernetes.io/instantiate": "manual"}
    (owner,) = metadata["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("CronJob", nightly, True)
    run(f"wait cronjob/{nightly} --for=jsonpath={{.status.lastSuccessfulTime}} --timeout=120s")
    unexpected = f"Saw a job that the controller did not create or forgot: {by_hand}"
    cluster.until(EVENTS, lambda found: unexpected in [event["message"] for event in found.values()])
    run(f"delete cronjob {nightly}")
    run(f"wait job/{by_hand} --for=delete --timeout=120s")
    run(f"wait pods -l job-name={by_hand} --for=delete --timeout=120s")
    assert not run(f"wait job/{by_hand} --for=delete --timeout=120s")
    assert not run(f"wait pods -l job-name={by_hand} --for=delete --timeout=120s")
    assert "no matching resources found" in run.fails(f"wait pods -l job-name={by_hand} --for=condition=Ready")


@DRIVERS
def test_what_goes_is_waited_for(cluster: Server, program: str) -> None:
    run = cluster.driver(program)
    name = f"slow-{program}"
    slow = '{"metadata":{"annotations":{"podium.dev/simulate-stop-delay":"3"}}}'
    run(f"run {name} --image=web:1 --overrides={shlex.quote(slow)}")
    run(f"wait pod/{name} --for=condition=Ready --timeout=120s")
    run(f"delete pod {name} --wait=false")
    said = run(f"wait pod/{name} --for=delete --timeout=120s")
    assert said in (f"pod/{name} condition met\n", ""), "nothing is said if it was gone before the command looked"
