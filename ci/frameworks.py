"""What people run on Redis from Python: rq, Celery, redis-py's locks, redlock and a rate limiter. ci/frameworks sets REDIS_URL and
imports this module by its name, as the workers do."""

import datetime
import logging
import os
import subprocess
import sys
import threading
import time

import redis

URL = os.environ["REDIS_URL"]
PATIENCE = 60
store = redis.Redis.from_url(URL)


def until(what, condition):
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, f"{what}: not within {PATIENCE} s"
        time.sleep(0.02)
    return found


def reversed_text(text):
    return text[::-1]


def fails():
    raise ValueError("as it should")


def through_rq():
    import rq
    from rq.registry import FailedJobRegistry

    queue = rq.Queue(connection=store)
    first = queue.enqueue(reversed_text, "abc")
    second = queue.enqueue(reversed_text, "def", depends_on=first)
    failing = queue.enqueue(fails)
    later = queue.enqueue_in(datetime.timedelta(seconds=1), reversed_text, "ghi")
    worker = rq.SimpleWorker([queue], connection=store)

    def works():
        worker.work(burst=True, with_scheduler=True)
        return later.get_status() == "finished"

    until("rq has done its work", works)
    assert first.return_value() == "cba" and second.return_value() == "fed" and later.return_value() == "ihg"
    assert FailedJobRegistry(queue=queue).get_job_ids() == [failing.id]
    return f"rq {rq.__version__}: jobs, dependencies, failures, a schedule"


def celery_app():
    from celery import Celery

    app = Celery("frameworks", broker=URL, backend=URL)
    app.conf.update(
        broker_transport_options={"queue_order_strategy": "priority", "priority_steps": [0, 5, 9]},
        worker_prefetch_multiplier=1,
        task_acks_late=True,
        broker_connection_retry_on_startup=True,
    )

    @app.task(name="frameworks.add")
    def add(one, other):
        return one + other

    @app.task(name="frameworks.total")
    def total(numbers):
        return sum(numbers)

    @app.task(name="frameworks.note")
    def note(name):
        store.rpush("celery:order", name)

    @app.task(name="frameworks.flaky", bind=True, max_retries=3)
    def flaky(self, key):
        if store.incr(key) < 3:
            raise self.retry(countdown=0)
        return "at last"

    return app


def through_celery():
    import celery
    from celery import chord

    app = celery_app()
    tasks = app.tasks
    # What is sent before the worker runs comes by its priority.
    for name, priority in [("low", 9), ("middle", 5), ("high", 0)]:
        tasks["frameworks.note"].apply_async((name,), priority=priority)
    words = ["worker", "--pool", "solo", "--loglevel", "ERROR"]
    command = [sys.executable, "-c", f"import frameworks; frameworks.celery_app().worker_main({words})"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until("Celery takes them in order", lambda: store.llen("celery:order") == 3)
        assert store.lrange("celery:order", 0, -1) == [b"high", b"middle", b"low"]
        assert tasks["frameworks.add"].delay(1, 2).get(timeout=PATIENCE) == 3
        assert tasks["frameworks.flaky"].delay("celery:tries").get(timeout=PATIENCE) == "at last"
        sent = time.monotonic()
        at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
        assert tasks["frameworks.add"].apply_async((3, 4), eta=at).get(timeout=PATIENCE) == 7
        assert time.monotonic() - sent > 1.5, "before its time"
        parts = [tasks["frameworks.add"].s(number, number) for number in range(10)]
        assert chord(parts)(tasks["frameworks.total"].s()).get(timeout=PATIENCE) == 90
    finally:
        worker.terminate()
        worker.wait(PATIENCE)
    return f"Celery {celery.__version__}: priorities, ETA, retries, a chord, results"


def through_locks():
    lock = store.lock("a-lock", timeout=10)
    assert lock.acquire(blocking=False) and not store.lock("a-lock", timeout=10).acquire(blocking=False)
    assert lock.extend(5) and lock.reacquire() and lock.owned()
    waited = []

    def wait():
        with store.lock("a-lock", timeout=10, blocking_timeout=PATIENCE):
            waited.append(store.get("counter"))

    other = threading.Thread(target=wait)
    other.start()
    store.set("counter", 7)
    lock.release()
    other.join()
    assert waited == [b"7"]
    try:
        lock.release()
        raise AssertionError("released twice")
    except redis.exceptions.LockError:
        pass
    script = store.register_script("return redis.call('INCRBY', KEYS[1], ARGV[1])")
    store.script_flush()
    assert script(keys=["counter"], args=[3]) == 10
    return f"redis-py {redis.__version__}: Lock with extend and reacquire, registered scripts after SCRIPT FLUSH"


def through_a_rate_limiter():
    import limits

    storage = limits.storage.storage_from_string(URL)
    rate = limits.parse("5/minute")
    kinds = limits.strategies
    for kind in [kinds.FixedWindowRateLimiter, kinds.MovingWindowRateLimiter, kinds.SlidingWindowCounterRateLimiter]:
        limiter = kind(storage)
        allowed = [limiter.hit(rate, kind.__name__) for _ in range(8)]
        assert allowed == [True] * 5 + [False] * 3, (kind, allowed)
    return f"limits {limits.__version__}: three strategies"


def through_redlock():
    import redlock

    host, port = store.connection_pool.connection_kwargs["host"], store.connection_pool.connection_kwargs["port"]
    manager = redlock.Redlock([{"host": host, "port": port}], retry_count=1)
    held = manager.lock("a-resource", 10_000)
    assert held and not manager.lock("a-resource", 10_000)
    manager.unlock(held)
    assert manager.lock("a-resource", 10_000)
    return "redlock-py: lock, refusal, unlock"


def main():
    logging.disable(logging.ERROR)
    for play in [through_locks, through_redlock, through_a_rate_limiter, through_rq, through_celery]:
        store.flushall()
        print(f"ok: {play()}", flush=True)
