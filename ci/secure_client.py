"""redis-py inside TLS, as a user of few rights, through a failover. Run by ci/secure-client, which sets the addresses."""

import os
import subprocess
import time
from urllib.parse import urlparse

import redis
from redis.cluster import ClusterNode, RedisCluster
from redis.sentinel import Sentinel

PATIENCE = 30
TLS = {
    "ssl": True,
    "ssl_ca_certs": os.environ["REDIS_TLS_CA_CERT"],
    "ssl_certfile": os.environ["REDIS_TLS_CERT"],
    "ssl_keyfile": os.environ["REDIS_TLS_KEY"],
    "socket_timeout": 2,
}
url = urlparse(os.environ["REDIS_URL"])
assert url.scheme == "rediss", url
USER = {"username": url.username, "password": url.password}


def addresses(name):
    return [(host, int(port)) for host, port in (address.rsplit(":", 1) for address in os.environ[name].split(","))]


def connected():
    if "REDIS_CLUSTER" in os.environ:
        nodes = [ClusterNode(*address) for address in addresses("REDIS_CLUSTER")]
        return RedisCluster(startup_nodes=nodes, **USER, **TLS)
    watchers = {"password": urlparse(os.environ["REDIS_SENTINEL_1_URL"]).password, **TLS}
    sentinel = Sentinel(addresses("REDIS_SENTINELS"), sentinel_kwargs=watchers, **USER, **TLS)
    return sentinel.master_for(os.environ["REDIS_SENTINEL_MASTER"])


def runner(*words):
    subprocess.run([os.environ["runner"], *words, "--name", os.environ["REDIS_TOPOLOGY"]], check=True, stdout=subprocess.DEVNULL)


client = connected()
written = 0


def write():
    global written
    began = time.monotonic()
    while True:
        try:
            assert client.set(f"app:{written}", written)
            written += 1
            return time.monotonic() - began
        except (redis.RedisError, OSError):
            assert time.monotonic() - began < PATIENCE, "the client finds no new master"
            time.sleep(0.05)


def all_there():
    for number in range(written):
        assert client.get(f"app:{number}") == str(number).encode(), number


for _ in range(300):
    write()
for refused in [("SET", "other", "1"), ("CONFIG", "GET", "*"), ("FLUSHALL",)]:
    try:
        client.execute_command(*refused, **({"target_nodes": RedisCluster.RANDOM} if "REDIS_CLUSTER" in os.environ and refused[0] != "SET" else {}))
        raise AssertionError(f"{refused} is none of this user's business")
    except redis.exceptions.NoPermissionError:
        pass
runner("status")
runner("kill", "@owner=app:1" if "REDIS_CLUSTER" in os.environ else "@master")
outage = max(write() for _ in range(300))
all_there()
print(f"ok: redis-py {redis.__version__}: {written} writes through a failover (longest {outage:.1f} s), all there")
