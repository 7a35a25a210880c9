//! A wrong topology file is refused with file, line, snippet and hint, and exit code 2.

use assert_cmd::Command;

/// What `runner plan` says of a topology file, and its exit code.
fn plan(text: &str) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("t.yaml"), text).expect("write the file");
    let mut command = Command::cargo_bin("runner").expect("the runner");
    command.current_dir(dir.path()).args(["plan", "t.yaml"]).env("NO_COLOR", "1");
    let output = command.output().expect("run it");
    format!("exit code {:?}\n{}", output.status.code(), String::from_utf8_lossy(&output.stderr))
}

macro_rules! refused {
    ($name:ident, $text:expr) => {
        #[test]
        fn $name() {
            insta::with_settings!({ omit_expression => true, description => $text }, {
                insta::assert_snapshot!(stringify!($name), plan($text));
            });
        }
    };
}

refused!(an_unknown_key, "nodes:\n  master:\n    prot: 6379\n");
refused!(an_unknown_top_level_key, "node:\n  master: {}\n");
refused!(a_wrong_type, "nodes:\n  master:\n    port: six\n");
refused!(a_port_beyond_65535, "nodes:\n  master:\n    port: 70000\n");
refused!(a_port_used_twice, "nodes:\n  master:\n    port: 6379\n  replica:\n    port: 6379\n");
refused!(a_name_used_twice, "nodes:\n  master: {}\n  master: {}\n");
refused!(an_unknown_upstream, "nodes:\n  master: {}\n  replica:\n    replicaof: mster\n");
refused!(a_circle, "nodes:\n  a: {replicaof: c}\n  b: {replicaof: a}\n  c:\n    replicaof: b\n");
refused!(a_node_that_replicates_itself, "nodes:\n  a: {replicaof: a}\n");
refused!(a_directive_of_the_runners, "nodes:\n  a:\n    config:\n      dir: /tmp\n");
refused!(a_boolean_directive, "nodes:\n  a:\n    config:\n      appendonly: true\n");
refused!(an_unknown_engine, "engine: rediss\nnodes:\n  a: {}\n");
refused!(two_nodes_with_the_same_variables, "nodes:\n  a-b: {}\n  A_b: {}\n");
refused!(
    a_node_with_the_variables_of_a_sentinel,
    "nodes:\n  a: {}\n  Sentinel-1: {}\nsentinels: {count: 1, monitor: m, master: a, quorum: 1}\n"
);
refused!(a_node_with_the_variables_of_a_cluster_node, "nodes:\n  NODE_1: {}\ncluster: {masters: 1}\n");
refused!(a_directive_with_an_open_quote, "nodes:\n  a:\n    config:\n      - requirepass \"a b\n");
refused!(a_directive_without_a_value, "nodes:\n  a:\n    config:\n      requirepass:\n");
refused!(a_bad_topology_name, "name: ../x\nnodes: {a: {}}\n");
refused!(a_list_for_a_mapping, "nodes:\n  - a\n");
refused!(a_mapping_for_a_value, "nodes:\n  a:\n    port: {a: 1}\n");
refused!(two_documents, "nodes: {a: {}}\n---\nnodes: {b: {}}\n");
refused!(a_node_that_says_nothing, "nodes:\n  a:\n  b: {replicaof: a}\n");
refused!(a_tab, "nodes:\n\ta: {}\n");
refused!(too_many_sentinels, "nodes: {a: {}}\nsentinels: {count: 1001, monitor: m, master: a, quorum: 2}\n");
refused!(no_nodes, "description: nothing\n");
refused!(broken_syntax, "nodes:\n  a: {port: 1\n  b: {}\n");
refused!(a_bad_name, "nodes:\n  a/b: {}\n");
refused!(
    sentinels_that_watch_a_replica,
    "nodes:\n  a: {}\n  b: {replicaof: a}\nsentinels: {count: 3, monitor: m, master: b, quorum: 2}\n"
);
refused!(
    a_masters_name_with_a_space,
    "nodes:\n  a: {}\nsentinels:\n  count: 3\n  monitor: \"a b\"\n  master: a\n  quorum: 2\n"
);
refused!(
    a_quorum_that_no_vote_reaches,
    "nodes:\n  a: {}\nsentinels:\n  count: 3\n  monitor: m\n  master: a\n  quorum: 4\n"
);

refused!(a_cluster_without_masters, "cluster: {masters: 0}\n");
refused!(too_few_ports_for_a_cluster, "cluster:\n  masters: 3\n  replicas: 1\n  ports: [7000, 7001, 7002]\n");
refused!(a_port_without_room_for_the_bus, "cluster:\n  masters: 1\n  ports: [60000]\n");
refused!(a_port_that_is_another_nodes_bus, "nodes: {a: {port: 17000}}\ncluster:\n  masters: 1\n  ports: [7000]\n");
refused!(an_unknown_node_of_a_cluster, "cluster:\n  masters: 3\n  nodes:\n    node-4: {engine: redis}\n");
refused!(
    slots_of_two_masters,
    "cluster:\n  masters: 2\n  nodes:\n    node-1: {slots: [0-100]}\n    node-2: {slots: [100-16383]}\n"
);
refused!(
    slots_without_an_owner,
    "cluster:\n  masters: 2\n  nodes:\n    node-1: {slots: [0-100]}\n    node-2: {slots: [200-16383]}\n"
);
refused!(slots_beyond_the_last, "cluster:\n  masters: 1\n  nodes:\n    node-1: {slots: [0-16384]}\n");
refused!(slots_of_a_replica, "cluster:\n  masters: 1\n  replicas: 1\n  nodes:\n    node-2: {slots: [5]}\n");
refused!(a_directive_that_every_cluster_node_has, "cluster: {masters: 1}\nconfig:\n  cluster-enabled: 'yes'\n");

refused!(
    external_sentinels_that_are_counted_too,
    "nodes: {a: {external: 'h:1'}}\nsentinels:\n  count: 1\n  monitor: m\n  master: a\n  external: ['h:26379']\n"
);
refused!(
    external_sentinels_of_a_master_of_ours,
    "nodes: {a: {}}\nsentinels:\n  monitor: m\n  master: a\n  external: ['h:26379']\n"
);
refused!(an_external_node_of_a_cluster_of_ours, "cluster:\n  masters: 3\n  nodes:\n    node-1: {external: 'h:7000'}\n");
refused!(an_external_cluster_with_masters, "cluster:\n  masters: 3\n  external: ['h:7000']\n");
refused!(a_cluster_that_says_nothing, "cluster: {replicas: 1}\n");
refused!(an_external_node_inside_tls_without_an_authority, "nodes:\n  a: {external: 'rediss://h:6380'}\n");
refused!(
    an_external_node_with_a_certificate_that_is_not_there,
    "nodes:\n  a:\n    external: {address: 'rediss://h:6380', ca: /nowhere/ca.crt}\n"
);
refused!(
    an_external_node_with_a_certificate_and_no_tls,
    "nodes:\n  a:\n    external: {address: 'h:6379', ca: ca.crt}\n"
);
refused!(an_external_node_with_two_logins, "nodes:\n  a:\n    external: {address: 'redis://:x@h:1', password: y}\n");
refused!(
    an_external_master_outside_tls_of_a_replica_inside,
    "tls: true\nnodes:\n  a: {external: 'h:6379'}\n  b: {replicaof: a}\n"
);
refused!(
    an_external_master_inside_tls_of_sentinels_outside,
    "nodes:\n  a: {external: {address: 'rediss://h:1', ca: t.yaml}}\n\
     sentinels: {count: 1, monitor: m, master: a, quorum: 1}\n"
);
refused!(an_external_node_without_a_port, "nodes:\n  a: {external: h}\n");
refused!(an_external_node_with_a_port_of_its_own, "nodes:\n  a: {external: 'h:1', port: 2}\n");

#[test]
fn the_published_schema_is_known() {
    let mut command = Command::cargo_bin("runner").expect("the runner");
    let output = command.arg("schema").output().expect("run it");
    insta::assert_snapshot!("schema", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_topologies_of_this_repository_are_right() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../topologies");
    let files = std::fs::read_dir(folder).expect("the folder of topologies");
    let mut count = 0;
    for file in files.flatten().filter(|file| file.path().extension().is_some_and(|e| e == "yaml")) {
        let mut command = Command::cargo_bin("runner").expect("the runner");
        command.arg("plan").arg(file.path()).assert().success();
        count += 1;
    }
    assert!(count > 0);
}
