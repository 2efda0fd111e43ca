"""Rules by which a pool assigns tasks and takes them back."""

import msgspec


class PoolRules(msgspec.Struct, frozen=True, kw_only=True):
    """Durations in seconds, and how many tasks one worker may have."""

    lease: float = 30.0  #: a worker without a report for this long loses its task
    #: A worker that stays at one stage for this many leases loses its task, except while its app runs.
    stage_leases: int = 10
    retry: float = 5.0  #: a worker that lost a task may take it again after this long; others at once
    margin: int = 5  #: a task is assigned only with this much left until its contribution deadline
    tasks_per_worker: int = 0  #: tasks that one worker may have at one time; 0 sets no limit
