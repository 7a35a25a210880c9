"""redis-py's cluster client under load while a master dies and while slots move. Run by ci/cluster-client."""

import os
import subprocess
import time

import redis
from redis.cluster import ClusterNode, RedisCluster

ADDRESSES = [address.rsplit(":", 1) for address in os.environ["REDIS_CLUSTER"].split(",")]
PATIENCE = 30

cluster = RedisCluster(startup_nodes=[ClusterNode(host, int(port)) for host, port in ADDRESSES], socket_timeout=1)
expected = {}


def write(number):
    """Writes until it is acknowledged; returns how long that took."""
    began = time.monotonic()
    while True:
        try:
            assert cluster.set(f"key:{number}", number)
            expected[f"key:{number}"] = str(number).encode()
            return time.monotonic() - began
        except redis.RedisError:
            assert time.monotonic() - began < PATIENCE, "the client finds no owner"
            time.sleep(0.05)


def all_there():
    missing = [key for key, value in expected.items() if cluster.get(key) != value]
    assert not missing, f"{len(missing)} of {len(expected)} acknowledged writes are gone: {missing[:5]}"


for number in range(1000):
    write(number)
all_there()
assert cluster.mget_nonatomic(["key:1", "key:2", "key:3"]) == [b"1", b"2", b"3"]

# Every master has its replica's word for the writes so far; then one dies.
for node in cluster.get_primaries():
    assert cluster.get_redis_connection(node).wait(1, 5000) == 1
victim = cluster.get_node_from_key("key:1")
try:
    redis.Redis(victim.host, victim.port).shutdown(nosave=True)
except redis.ConnectionError:
    pass
outage = max(write(number) for number in range(1000, 2000))
all_there()

shell = [os.environ["runner"], "reshard", "--name", os.environ["REDIS_TOPOLOGY"], "--slots", "500", "--to", "@owner(key:1)"]
with subprocess.Popen(shell, stdout=subprocess.DEVNULL) as reshard:
    number = 2000
    while reshard.poll() is None:
        write(number)
        number += 1
    assert reshard.returncode == 0, f"the reshard ended with {reshard.returncode}"
all_there()
print(f"redis-py {redis.__version__}: {len(expected)} writes through a failover (longest {outage:.1f} s) and a reshard, all there")
