from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tests.chaos.schedule import (
    LEAST,
    STUDENTS,
    Action,
    Fault,
    Kind,
    Target,
    make_schedule,
)

seeds = st.integers(0, 2**32)
kinds = st.sampled_from(Kind)


@given(seeds, kinds)
def test_seed_reproduces_the_schedule(seed: int, kind: Kind) -> None:
    assert make_schedule(seed, kind) == make_schedule(seed, kind)


@given(seeds, kinds, st.integers(LEAST, 60))
def test_schedule_has_the_submissions_asked_for_and_some_faults(seed: int, kind: Kind, most: int) -> None:
    schedule = make_schedule(seed, kind, most=most)

    assert LEAST <= len(schedule.submissions) <= most
    assert sorted(one.number for one in schedule.submissions) == list(range(len(schedule.submissions)))
    assert all(0 <= one.student < STUDENTS for one in schedule.submissions)
    assert 3 <= len(schedule.faults) <= 7
    assert all(fault.at >= 0 and fault.seconds > 0 for fault in schedule.faults)


@given(seeds, kinds)
def test_faults_of_one_target_never_overlap(seed: int, kind: Kind) -> None:
    schedule = make_schedule(seed, kind)

    for target in Target:
        hits = [fault for fault in schedule.faults if fault.target is target]
        assert all(early.end < late.at for early, late in pairwise(hits))


@given(seeds, kinds)
def test_everything_is_killed_after_all_other_faults(seed: int, kind: Kind) -> None:
    schedule = make_schedule(seed, kind)

    others = [fault for fault in schedule.faults if fault.target is not Target.EVERYTHING]
    for fault in schedule.faults:
        if fault.target is Target.EVERYTHING:
            assert all(other.end < fault.at for other in others)


@given(seeds, kinds)
def test_left_out_actions_change_nothing_else(seed: int, kind: Kind) -> None:
    whole, rest = make_schedule(seed, kind), make_schedule(seed, kind, without={Action.FILL})

    assert rest.submissions == whole.submissions
    assert list(rest.faults) == [fault for fault in whole.faults if fault.action is not Action.FILL]


def test_hundred_seeds_hit_every_target_with_every_action() -> None:
    for kind in Kind:
        hits = {
            (fault.action, fault.target) for seed in range(100) for fault in make_schedule(seed, kind).faults
        }
        assert hits == POSSIBLE[kind]


_COMMON = {
    *((action, target) for action in (Action.KILL, Action.STOP) for target in Target),
    (Action.FILL, Target.POSTGRES),
    (Action.FILL, Target.FTP),
} - {(Action.STOP, Target.EVERYTHING)}
_PROXIED = {
    (action, target)
    for action in (Action.SLOW, Action.CUT, Action.REFUSE)
    for target in (Target.POSTGRES, Target.FTP, Target.BROKER)
}
_TO_CLIENTS = {(action, Target.API) for action in (Action.SLOW, Action.CUT, Action.REFUSE, Action.LOSE)}
_ABSENT = {
    Kind.EMBEDDED: {Target.BROKER, Target.PARSING_NODE, Target.EXECUTION_NODE},
    Kind.EXTERNAL: {Target.RUNNER},
}
POSSIBLE = {
    kind: {(action, target) for action, target in _COMMON if target not in _ABSENT[kind]}
    | _TO_CLIENTS
    | (_PROXIED if kind is Kind.EXTERNAL else set())
    for kind in Kind
}


def test_fault_is_shown_with_all_that_it_takes_to_understand_it() -> None:
    fault = Fault(1.5, 0.25, Action.CUT, Target.FTP, 0.5)

    assert str(fault) == " 1.50 s  cut ftp for 0.25 s (0.50)"
