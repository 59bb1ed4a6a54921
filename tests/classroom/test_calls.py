"""The filter of calls, step by step as the kernel reads it."""

import struct

from course_lib.classroom.grading import calls


def test_the_filter_of_calls_refuses_what_it_names_and_allows_the_rest():
    for machine, (own, *refused) in calls.MACHINES.items():
        steps = list(struct.iter_unpack("=HBBI", calls.program(machine)))

        def found(number, by=own, steps=steps):
            at, value = 0, None
            while True:
                code, so, not_so, k = steps[at]
                at += 1
                if code == calls.RETURN:
                    return k
                if code == calls.LOAD:
                    value = {calls.NUMBER: number, calls.MACHINE: by}[k]
                else:
                    at += so if (value == k if code == calls.EQUALS else value >= k) else not_so

        assert {found(number) for number in refused} == {calls.REFUSE}
        assert found(1) == found(60) == found(318) == calls.ALLOW
        assert found(calls.OTHER_NUMBERS + 319) == calls.REFUSE
        assert found(1, by=0x40000003) == calls.REFUSE
