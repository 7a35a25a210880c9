"""redis-py's Sentinel client before, during and after a failover. Run by ci/sentinel-client, which sets the addresses."""

import os
import time

import redis
from redis.sentinel import Sentinel

NAME = os.environ["REDIS_SENTINEL_MASTER"]
ADDRESSES = [address.rsplit(":", 1) for address in os.environ["REDIS_SENTINELS"].split(",")]
PATIENCE = 30

sentinel = Sentinel([(host, int(port)) for host, port in ADDRESSES], socket_timeout=1)
master = sentinel.master_for(NAME, socket_timeout=1)
replica = sentinel.slave_for(NAME, socket_timeout=1)

first = sentinel.discover_master(NAME)
assert len(sentinel.discover_slaves(NAME)) == 2, sentinel.discover_slaves(NAME)
assert master.set("greeting", "hello") and master.wait(2, 5000) == 2
assert replica.get("greeting") == b"hello"
state = sentinel.sentinels[0].sentinel_master(NAME)
assert state["is_master"] and not state["is_sdown"] and state["num-other-sentinels"] == 2, state

began = time.monotonic()
try:
    redis.Redis(*first).shutdown(nosave=True)
except redis.ConnectionError:
    pass
while True:
    try:
        if master.set("greeting", "again") and sentinel.discover_master(NAME) != first:
            break
    except redis.RedisError:
        assert time.monotonic() - began < PATIENCE, "the client finds no new master"
        time.sleep(0.05)
outage = time.monotonic() - began
assert master.get("greeting") == b"again"
print(f"redis-py {redis.__version__}: from {first} to {sentinel.discover_master(NAME)} in {outage:.1f} s")
