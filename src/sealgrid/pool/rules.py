"""Rules by which a pool assigns tasks and takes them back."""

import msgspec


class PoolRules(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds, and how many tasks may be open at one time; 0 sets no limit."""

    lease: float = 30.0  #: a worker without a report for this long loses its task
    #: A worker that stays at one stage for this many leases loses its task, except while its app runs.
    stage_leases: int = 10
    retry: float = 5.0  #: a worker that lost a task may take it again after this long; others at once
    margin: int = 5  #: a task is assigned only with this much left until its contribution deadline
    urgent: int = 120  #: seconds; a task that must start within this time is assigned first
    tasks_per_worker: int = 0  #: tasks that one worker may have
    tasks_per_requester: int = 0  #: tasks of one requester that workers have or may take; others are in its backlog
    tasks_per_app: int = 0  #: the same for one app
    replicas: int = 2  #: workers that must agree on the result of a task without an enclave
    tail_copies: bool = True  #: whether idle workers also compute the last tasks of a deal
